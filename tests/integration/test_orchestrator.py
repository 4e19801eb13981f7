"""The orchestrator on the emulated AWS, called by the events of results: one job of three orders, step by step."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import handlers
from chalicelib.jobs import lock, operations, places, store
from chalicelib.jobs.model import JobStatus, OrderStatus
from tests import make
from tests.far import CONTEXT, FarHome, created

pytestmark = pytest.mark.integration
DONE = b'{"status": "succeeded", "log": "done"}'


@pytest.fixture
def job_id(far: FarHome) -> str:
    """order-1 and order-2 run; order-3 waits for both."""
    return far.submit(make.order("order-1"), make.order("order-2"), make.order("order-3", after=["order-1", "order-2"]))


def finish(far: FarHome, job_id: str, number: int) -> None:
    """A result of the shape that the seed names, and S3's event of it."""
    far.leave(job_id, number, DONE)
    handlers.on_callbacks(far.ports, created(places.result_key(job_id, number, 1)), CONTEXT)


def statuses(far: FarHome, job_id: str) -> list[str]:
    return [far.order(job_id, number).status.value for number in (1, 2, 3)]


def events(far: FarHome, job_id: str) -> list[tuple[int | None, str]]:
    return [(each.order_number, each.kind) for each in operations.list_events(far.ports, far.me, job_id).items]


def lock_of(far: FarHome, job_id: str) -> dict[str, Any]:
    found = far.ports.documents.get(store.lock_key(job_id))
    assert found is not None
    return dict(found.body)


def executions(far: FarHome, aws: Callable[[str], Any]) -> list[str]:
    listed = aws("stepfunctions").list_executions(stateMachineArn=far.ports.settings.watchdog)["executions"]
    return sorted(each["name"] for each in listed)


def test_it_begins_as_the_seed_has_it(far: FarHome, job_id: str) -> None:
    assert statuses(far, job_id) == ["running", "running", "queued"]


def test_a_first_result_is_taken_up_and_what_waits_for_another_waits_on(far: FarHome, job_id: str) -> None:
    finish(far, job_id, 1)
    assert statuses(far, job_id) == ["succeeded", "running", "queued"]
    assert (1, "order.succeeded") in events(far, job_id)
    assert far.log(job_id, 1) == "done"


def test_the_lock_was_taken_and_is_free_again(far: FarHome, job_id: str) -> None:
    before = lock_of(far, job_id)["fence"]
    finish(far, job_id, 1)
    assert lock_of(far, job_id)["fence"] > before
    assert lock_of(far, job_id)["owner"] == ""


def test_the_second_result_lets_the_last_order_run(far: FarHome, job_id: str) -> None:
    finish(far, job_id, 1)
    finish(far, job_id, 2)
    assert statuses(far, job_id) == ["succeeded", "succeeded", "running"]
    assert (3, "order.succeeded") not in events(far, job_id)


def test_each_order_that_runs_has_its_watchdog(far: FarHome, job_id: str, aws: Callable[[str], Any]) -> None:
    assert executions(far, aws) == [f"{job_id}-0001-0001", f"{job_id}-0002-0001"]
    finish(far, job_id, 1)
    finish(far, job_id, 2)
    assert executions(far, aws) == [f"{job_id}-000{number}-0001" for number in (1, 2, 3)]


def test_a_watchdog_knows_what_it_watches(far: FarHome, job_id: str, aws: Callable[[str], Any]) -> None:
    machine = far.ports.settings.watchdog
    arn = aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"][0]["executionArn"]
    told = json.loads(aws("stepfunctions").describe_execution(executionArn=arn)["input"])
    assert (told["job_id"], told["attempt"]) == (job_id, 1)


def test_after_the_last_result_the_job_has_succeeded(far: FarHome, job_id: str) -> None:
    for number in (1, 2, 3):
        finish(far, job_id, number)
    assert far.job(job_id).status is JobStatus.SUCCEEDED
    assert (None, "job.succeeded") in events(far, job_id)


def test_the_trigger_of_a_run_starts_its_orders(far: FarHome) -> None:
    job_id = operations.submit(far.ports, far.me, make.request()).job_id
    assert far.order(job_id).status is OrderStatus.QUEUED
    far.ports.objects.put(places.trigger_key(job_id), b"{}")
    handlers.on_callbacks(far.ports, created(places.trigger_key(job_id)), CONTEXT)
    assert far.order(job_id).status is OrderStatus.RUNNING


def test_a_held_lock_lets_nobody_else_in_and_is_told_of_the_result(far: FarHome, job_id: str) -> None:
    held = lock.acquire(far.ports.documents, far.ports.clock, job_id, owner="somebody else")
    assert held is not None
    finish(far, job_id, 1)
    assert far.order(job_id, 1).status is OrderStatus.RUNNING
    assert lock_of(far, job_id) | {"until": ""} == {
        "owner": "somebody else",
        "fence": held.fence,
        "dirty": True,
        "until": "",
    }
