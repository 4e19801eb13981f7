"""Orders of tenants that are parked, suspended, or at their limit of orders in flight."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.accounts.tenants import lifecycle, operations, store
from chalicelib.accounts.tenants.model import Limits, Tenant
from chalicelib.documents import Range
from chalicelib.jobs import operations as jobs
from chalicelib.jobs import results, slots
from chalicelib.jobs.decide import HELD
from chalicelib.jobs.model import OrderStatus
from chalicelib.jobs.orchestrator import Orchestrator
from tests import make
from tests.engine import Engine

PLATFORM = make.caller(platform_admin=True)


@pytest.fixture
def engine(ports):
    tenant = Tenant(tenant_id="acme", organisation="Acme", created_at=ports.clock.now())
    ports.documents.transact(store.creation(tenant))
    return Engine(ports)


def act(engine, verb):
    reason = "Closed over the summer" if verb in ("park", "suspend") else ""
    lifecycle.act(engine.ports, PLATFORM, "acme", verb, reason)


def limit(engine, concurrency):
    operations.set_limits(engine.ports, PLATFORM, "acme", lambda _: Limits(concurrency=concurrency))


def reasons(engine, job_id):
    return [each.reason for each in jobs.get_orders(engine.ports, engine.me, job_id)]


@pytest.mark.parametrize(("verb", "state"), [("park", "parked"), ("suspend", "suspended")])
def test_queued_orders_wait_and_say_why(engine, verb, state):
    job_id = engine.submit()
    act(engine, verb)
    engine.look(job_id)
    assert engine.statuses(job_id) == ["queued"]
    assert reasons(engine, job_id) == [f"waits: the organisation is {state}"]


@pytest.mark.parametrize(("there", "back"), [("park", "unpark"), ("suspend", "resume")])
def test_they_go_on_afterwards(engine, there, back):
    job_id = engine.submit()
    act(engine, there)
    engine.take_wake_ups()
    act(engine, back)
    engine.take_wake_ups()
    engine.end(job_id, 1)
    assert engine.job(job_id).status == "succeeded"


def test_what_runs_runs_to_its_end_and_what_follows_waits(engine):
    job_id = engine.submit(make.order("one"), make.order("two", after=[1]))
    engine.look(job_id)
    engine.begin(job_id, 1)
    act(engine, "park")
    engine.end(job_id, 1)
    assert engine.statuses(job_id) == ["succeeded", "queued"]


def test_an_order_that_was_handed_out_is_handed_back(engine):
    job_id = engine.submit()
    engine.look(job_id)
    act(engine, "park")
    results.hand_back(engine.ports, engine.target.handed[-1], HELD)
    engine.look(job_id)
    order = engine.order(job_id, 1)
    assert (order.status, order.tries, order.losses) == (OrderStatus.QUEUED, 0, 0)


def test_what_runs_is_not_handed_back(engine):
    job_id = engine.submit()
    engine.look(job_id)
    assignment = engine.begin(job_id, 1)
    results.hand_back(engine.ports, assignment, HELD)
    engine.look(job_id)
    assert engine.statuses(job_id) == ["running"]


def test_a_job_s_time_does_not_run_while_its_tenant_is_parked(engine):
    job_id = engine.submit(make.order("one"), make.order("two", after=[1]), job_timeout=100)
    engine.look(job_id)
    engine.end(job_id, 1)
    act(engine, "park")
    engine.take_wake_ups()
    for _ in range(10):
        engine.pass_time(31)
    act(engine, "unpark")
    engine.take_wake_ups()
    engine.end(job_id, 2)
    assert engine.job(job_id).status == "succeeded"


def test_a_parked_tenant_s_job_can_still_be_cancelled_by_the_platform(engine):
    job_id = engine.submit()
    act(engine, "park")
    jobs.cancel(engine.ports, PLATFORM, job_id)
    engine.look(job_id)
    assert engine.job(job_id).status == "cancelled"


def in_flight(engine, *job_ids):
    return sum(status in ("dispatching", "running") for each in job_ids for status in engine.statuses(each))


def many(engine, count):
    return engine.submit(*[make.order() for _ in range(count)])


def test_a_limit_holds_over_all_jobs_of_a_tenant(engine):
    limit(engine, 3)
    one, other = many(engine, 5), many(engine, 5)
    engine.look(one)
    engine.look(other)
    assert (in_flight(engine, one), in_flight(engine, other)) == (3, 0)


def test_orders_at_the_limit_say_so(engine):
    limit(engine, 1)
    one, other = many(engine, 1), many(engine, 1)
    engine.look(one)
    engine.look(other)
    assert "as many orders in flight as its limit" in reasons(engine, other)[0]


def test_a_place_that_becomes_free_is_taken_by_the_job_that_waits(engine):
    limit(engine, 1)
    one, other = many(engine, 1), many(engine, 1)
    for each in (one, other):
        engine.look(each)
    engine.end(one, 1)
    engine.take_wake_ups()
    assert engine.statuses(other) == ["dispatching"]


def test_a_job_takes_the_places_it_frees(engine):
    limit(engine, 1)
    job_id = many(engine, 2)
    engine.look(job_id)
    engine.end(job_id, 1)
    assert engine.statuses(job_id) == ["succeeded", "dispatching"]


def test_a_raised_limit_starts_more(engine):
    limit(engine, 1)
    job_id = many(engine, 4)
    engine.look(job_id)
    limit(engine, 3)
    engine.take_wake_ups()
    assert in_flight(engine, job_id) == 3


def test_a_lowered_limit_stops_nothing_and_starts_nothing(engine):
    limit(engine, 3)
    job_id = many(engine, 6)
    engine.look(job_id)
    limit(engine, 1)
    engine.end(job_id, 1)
    assert in_flight(engine, job_id) == 2


def test_a_limit_of_none_starts_nothing(engine):
    limit(engine, 0)
    job_id = many(engine, 1)
    engine.look(job_id)
    assert engine.statuses(job_id) == ["queued"]


@pytest.mark.parametrize("status", [OrderStatus.SUCCEEDED, OrderStatus.FAILED, OrderStatus.QUEUED])
def test_no_place_is_lost_however_an_order_ends(engine, status):
    limit(engine, 1)
    job_id = engine.submit(make.order(retries=1))
    for _ in range(3):
        engine.look(job_id)
        if not engine.job(job_id).status.ended and in_flight(engine, job_id):
            engine.end(job_id, 1, status, "worker_lost" if status is OrderStatus.QUEUED else "")
        engine.ports.clock.tick(60)
    taken = len(engine.ports.documents.query(slots.partition("acme"), Range(prefix="slot#")).items)
    assert taken == in_flight(engine, job_id)


def test_many_orchestrators_at_once_keep_the_limit(engine):
    limit(engine, 4)
    job_ids = [many(engine, 3) for _ in range(6)]
    orchestrators = [Orchestrator(engine.ports, owner=f"worker-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: [each.look(job_id) for job_id in job_ids], orchestrators))
    assert in_flight(engine, *job_ids) == 4
