"""What goes wrong on the emulated AWS: failures, time-outs, and two orchestrators at once."""

import json
import threading

import pytest

from chalicelib import handlers
from chalicelib.jobs import lock, operations, places
from chalicelib.jobs.model import JobStatus, OrderStatus
from tests import make
from tests.far import CONTEXT, FarHome, created
from tests.posting import PostedHome

pytestmark = pytest.mark.integration


def finish(far: FarHome, job_id: str, number: int, result: dict[str, object]) -> None:
    far.leave(job_id, number, json.dumps(result).encode())
    handlers.on_callbacks(far.ports, created(places.result_key(job_id, number, 1)), CONTEXT)


def kinds(far: FarHome, job_id: str) -> list[str]:
    return [each.kind for each in operations.list_events(far.ports, far.me, job_id).items]


def test_a_required_order_that_fails_takes_its_dependants_and_the_job_along(posted: PostedHome) -> None:
    orders = (make.order("order-1"), make.order("order-2", after=["order-1"]))
    job_id = posted.post(make.submission(*orders))["run_id"]
    posted.call_back(places.trigger_key(job_id))
    finish(posted, job_id, 1, {"status": "failed", "log": "no"})
    second = posted.order(job_id, 2)
    assert (second.status, second.reason) == (OrderStatus.FAILED, "dependency_failed")
    assert posted.job(job_id).status is JobStatus.FAILED
    assert "job.failed" in kinds(posted, job_id)
    posted.take_notices()
    done = json.loads(posted.ports.done.get(f"{job_id}/done"))
    assert (done["status"], done["summary"]["failed"]) == ("failed", 2)


def test_an_optional_order_that_fails_is_a_warning(far: FarHome) -> None:
    job_id = far.submit(make.order("order-1", must_succeed=False), make.order("order-2", after=["order-1"]))
    finish(far, job_id, 1, {"status": "failed", "log": ""})
    finish(far, job_id, 2, {"status": "succeeded", "log": ""})
    assert (far.job(job_id).status, far.job(job_id).warnings) == (JobStatus.SUCCEEDED, 1)


def test_a_watchdog_ends_an_order_that_never_answered(far: FarHome) -> None:
    job_id = far.submit(make.order("order-1", timeout=60))
    far.ports.clock.tick(3600)
    assert far.check(job_id) == {"state": "done", "wait": 0}
    key = places.result_key(job_id, 1, 1)
    assert json.loads(far.ports.objects.get(key))["status"] == "timed_out"
    handlers.on_callbacks(far.ports, created(key), CONTEXT)
    assert far.order(job_id).status is OrderStatus.TIMED_OUT
    assert far.job(job_id).status is JobStatus.TIMED_OUT


def test_a_watchdog_waits_while_there_is_time(far: FarHome) -> None:
    job_id = far.submit(make.order("order-1", timeout=60))
    assert far.check(job_id)["state"] == "waiting"
    assert far.order(job_id).status is OrderStatus.RUNNING


def test_a_watchdog_leaves_a_real_success_alone(far: FarHome) -> None:
    job_id = far.submit(make.order("order-1", timeout=60))
    far.leave(job_id, 1, b'{"status": "succeeded", "log": ""}')
    far.ports.clock.tick(3600)
    assert far.check(job_id)["state"] == "done"
    assert far.job(job_id).status is JobStatus.SUCCEEDED


def test_of_two_orchestrators_one_has_the_lock_and_the_other_leaves(far: FarHome) -> None:
    job_id = far.submit(make.order("order-1"))
    documents, clock = far.ports.documents, far.ports.clock
    taken = [lock.acquire(documents, clock, job_id, owner=owner) for owner in ("one", "two")]
    assert [each is not None for each in taken] == [True, False]


def test_two_orchestrators_at_once_end_an_order_once(far: FarHome) -> None:
    job_id = far.submit(make.order("order-1"))
    key = places.result_key(job_id, 1, 1)
    far.leave(job_id, 1, b'{"status": "succeeded", "log": ""}')
    together = threading.Barrier(2, timeout=20)

    def orchestrate() -> None:
        together.wait()
        handlers.on_callbacks(far.ports, created(key), CONTEXT)

    both = [threading.Thread(target=orchestrate) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(60)
    assert far.job(job_id).status is JobStatus.SUCCEEDED
    assert kinds(far, job_id).count("order.succeeded") == kinds(far, job_id).count("job.succeeded") == 1
