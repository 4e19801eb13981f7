"""Millrace's own actions on AWS: functions called by queues, as far as their time reaches."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import handlers
from chalicelib.invocation import STOP_BEFORE, Invocation
from chalicelib.jobs import operations as jobs
from chalicelib.jobs import results
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.executors.process import WORK, ProcessExecutor
from chalicelib.jobs.model import OrderStatus, Target
from chalicelib.jobs.wakeups import WAKE_UPS
from chalicelib.notifications.notices import NOTICES
from chalicelib.presence import HELD
from chalicelib.settings import Home, read_settings
from chalicelib.wiring import Ports, connect_models
from tests import make
from tests.clocks import ManualClock
from tests.far import CONTEXT
from tests.generating import ONE_STEP, Factory
from tests.integration.conftest import emulated

pytestmark = pytest.mark.integration


@pytest.fixture
def home(clock: ManualClock, aws: Callable[[str], Any], tmp_path: Path) -> Ports:
    ports = emulated(make.ports(clock), aws)
    return replace(
        ports,
        settings=replace(ports.settings, home=Home.AWS, workers=0),
        executors={Target.PROCESS: ProcessExecutor(ports.queues, ports.presence, asks=False)},
    )


@pytest.fixture
def factory(home: Ports) -> Factory:
    return Factory(home)


def messages(ports: Ports, queue: str) -> list[dict[str, Any]]:
    """What waits in the queue, as the event of a function; it is gone from there."""
    received = ports.queues.receive(queue, limit=10)
    ports.queues.acknowledge(queue, [each.receipt for each in received])
    return [{"body": json.dumps(each.body), "receiptHandle": each.receipt} for each in received]


def work_off(ports: Ports, *, context: Any = CONTEXT) -> None:
    """Until the queues are empty."""
    handled = (
        (WAKE_UPS, handlers.on_wake_ups),
        (WORK, handlers.on_orders),
        (NOTICES, handlers.on_notices),
    )
    busy = True
    while busy:
        busy = False
        for queue, handle in handled:
            for record in messages(ports, queue):
                handle(ports, {"Records": [record]}, context)
                busy = True


def assignment(factory: Factory, job_id: str) -> Assignment:
    """The one that waits in the queue."""
    factory.orchestrator.look(job_id)
    return Assignment(**json.loads(messages(factory.ports, WORK)[0]["body"]))


def attempts(factory: Factory, job_id: str) -> list[str]:
    """How those of the first order ended."""
    return [each.status.value for each in jobs.get_order(factory.ports, factory.me, job_id, 1).attempts]


def test_a_dataset_is_made_by_functions_alone(factory: Factory) -> None:
    job_id = factory.submit(num_records=20)
    work_off(factory.ports)
    assert factory.status(job_id) == "succeeded"
    assert len(factory.records(job_id)) == 20
    factory.check_books(job_id)


def test_no_shell_order_is_offered_where_there_are_functions_alone(home: Ports) -> None:
    assert home.offered == ()


def test_a_message_that_comes_twice_runs_its_order_once(factory: Factory) -> None:
    job_id = factory.submit(num_records=5, steps=ONE_STEP)
    factory.orchestrator.look(job_id)
    record = messages(factory.ports, WORK)[0]
    for _ in range(2):
        handlers.on_orders(factory.ports, {"Records": [record]}, CONTEXT)
    work_off(factory.ports)
    assert factory.status(job_id) == "succeeded"
    assert attempts(factory, job_id) == ["succeeded"]


def test_an_order_whose_function_died_starts_again(factory: Factory) -> None:
    job_id = factory.submit(num_records=5, steps=ONE_STEP)
    lost = assignment(factory, job_id)
    factory.ports.presence.enter("function-dead")
    assert results.begin(factory.ports, lost, worker="function-dead")
    factory.ports.clock.tick(HELD + 1)
    handlers.on_schedule(factory.ports, {}, CONTEXT)
    work_off(factory.ports)
    assert factory.status(job_id) == "succeeded"
    assert attempts(factory, job_id) == ["failed", "succeeded"]


def test_what_a_function_has_no_time_for_goes_on_in_another_one_at_no_cost(factory: Factory) -> None:
    slow = connect_models(read_settings({"MILLRACE_LLM_OFFLINE": "slow=300"}), factory.ports.clock)
    factory = Factory(replace(factory.ports, llm=slow))
    job_id = factory.submit(num_records=60, steps=ONE_STEP)
    handed = assignment(factory, job_id)
    Invocation(factory.ports, name="short", remaining=STOP_BEFORE).run(
        {"job_id": handed.job_id, "tenant_id": handed.tenant_id, "number": handed.number, "attempt": handed.attempt}
    )
    work_off(factory.ports)
    assert factory.status(job_id) == "succeeded"
    assert attempts(factory, job_id) == ["failed", "succeeded"]
    assert len(factory.records(job_id)) == 60
    factory.check_books(job_id)


def test_a_function_that_went_is_present_no_more(factory: Factory) -> None:
    factory.submit(num_records=5, steps=ONE_STEP)
    work_off(factory.ports)
    assert factory.ports.presence.present() == []


def test_a_shell_order_that_no_machine_takes_says_so(home: Ports) -> None:
    machines = replace(home, settings=replace(home.settings, workers=1))
    factory = Factory(machines)
    job_id = jobs.submit(machines, factory.me, make.request()).job_id
    work_off(home)
    order = jobs.get_order(home, factory.me, job_id, 1)
    assert (order.status, order.reason) == (OrderStatus.FAILED, "no machine with workers takes shell orders here")
