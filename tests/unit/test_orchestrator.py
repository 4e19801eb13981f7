"""The engine with its store, a target worked by hand, and the defects of its predecessor."""

from dataclasses import replace
from functools import partial

import pytest

from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.jobs import lock, operations, results, store
from chalicelib.jobs.executors import DispatchFailed, Started
from chalicelib.jobs.model import JobStatus, OrderStatus
from chalicelib.jobs.orchestrator import Orchestrator
from tests import make
from tests.engine import Crash, CrashingDocuments, Engine

FAILED, TIMED_OUT = OrderStatus.FAILED, OrderStatus.TIMED_OUT
DIAMOND = make.order("a"), make.order("b"), make.order("c", after=["a", "b"])


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_it_works(engine):
    job_id = engine.submit(*DIAMOND)
    engine.take_wake_ups()
    engine.end(job_id, 1)
    engine.end(job_id, 2)
    engine.end(job_id, 3)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED
    assert engine.kinds(job_id)[-1] == "job.succeeded"


def test_an_order_behind_two_waits_for_both(engine):
    job_id = engine.submit(*DIAMOND)
    engine.look(job_id)
    engine.end(job_id, 1)
    assert engine.statuses(job_id) == ["succeeded", "dispatching", "queued"]


def test_a_failed_job_says_so_and_ends_its_dependants(engine):
    job_id = engine.submit(*DIAMOND)
    engine.look(job_id)
    engine.end(job_id, 1, FAILED, "exit code 7")
    engine.end(job_id, 2)
    assert engine.job(job_id).status is JobStatus.FAILED
    assert engine.order(job_id, 3).reason == "dependency_failed"


def test_an_optional_failure_leaves_a_success_with_a_warning(engine):
    job_id = engine.submit(make.order("a", must_succeed=False), make.order("b", after=["a"]))
    engine.look(job_id)
    engine.end(job_id, 1, FAILED)
    engine.end(job_id, 2)
    assert (engine.job(job_id).status, engine.job(job_id).warnings) == (JobStatus.SUCCEEDED, 1)


def test_defect_1_a_completion_while_the_lock_is_held_is_not_lost(engine):
    job_id = engine.submit(*DIAMOND)
    engine.look(job_id)
    first = engine.begin(job_id, 1)
    held = lock.acquire(engine.ports.documents, engine.ports.clock, job_id, owner="other")
    engine.report(first)
    engine.look(job_id)
    assert engine.statuses(job_id)[0] == "running"
    assert lock.release(engine.ports.documents, held) is False, "the holder is told to look again"


def test_defect_1_a_completion_before_the_order_is_marked_running_is_not_lost(engine):
    engine.target.answer = Started.RUNNING
    job_id = engine.submit()
    start = engine.target.start

    def start_and_end_at_once(assignments):
        engine.report(assignments[0])
        return start(assignments)

    engine.target.start = start_and_end_at_once
    engine.look(job_id)
    engine.pass_time(60)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED


def test_defect_2_release_by_a_former_holder_frees_nobody_elses_lock(engine):
    job_id = engine.submit()
    documents, clock = engine.ports.documents, engine.ports.clock
    first = lock.acquire(documents, clock, job_id, owner="one")
    clock.tick(lock.LEASE.total_seconds())
    lock.acquire(documents, clock, job_id, owner="two")
    assert lock.release(documents, first) is True
    assert documents.get(store.lock_key(job_id)).body["owner"] == "two"


def test_defect_2_a_crashed_holder_delays_a_job_by_its_lease_only(engine):
    job_id = engine.submit()
    lock.acquire(engine.ports.documents, engine.ports.clock, job_id, owner="dead")
    engine.look(job_id)
    assert engine.statuses(job_id) == ["queued"]
    engine.pass_time(lock.LEASE.total_seconds())
    assert engine.statuses(job_id) == ["dispatching"]


def test_defect_3_a_failed_dispatch_is_tried_again(engine):
    engine.target.answer = DispatchFailed("no room")
    job_id = engine.submit()
    engine.look(job_id)
    assert "no room" in engine.order(job_id, 1).reason
    engine.target.answer = Started.HANDED_OVER
    engine.pass_time(5)
    engine.end(job_id, 1)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED


def test_defect_3_a_dispatch_that_always_fails_fails_the_order_with_the_reason(engine):
    engine.target.answer = DispatchFailed("no such function")
    job_id = engine.submit()
    engine.look(job_id)
    for _ in range(10):
        engine.pass_time(30)
    assert engine.order(job_id, 1).reason == "dispatch_failed: no such function"
    assert engine.job(job_id).status is JobStatus.FAILED


def test_defect_3_orders_claimed_before_a_crash_are_handed_out_after_it(engine):
    crashing = CrashingDocuments(engine.ports.documents)
    job_id = engine.submit()
    engine.target.start = lambda _: (_ for _ in ()).throw(Crash())
    with pytest.raises(Crash):
        Orchestrator(replace(engine.ports, documents=crashing), owner="dead").look(job_id)
    del engine.target.start
    engine.pass_time(60)
    engine.end(job_id, 1)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED


def test_defect_4_a_success_that_came_in_beats_the_watchdog(engine):
    job_id = engine.submit(make.order(timeout=10))
    engine.look(job_id)
    engine.report(engine.begin(job_id, 1))
    engine.pass_time(3000)
    assert engine.statuses(job_id) == ["succeeded"]


def test_defect_4_a_success_that_comes_while_the_watchdog_decides_wins(engine):
    job_id = engine.submit(make.order(timeout=10))
    engine.look(job_id)
    assignment = engine.begin(job_id, 1)
    slow = CrashingDocuments(engine.ports.documents)
    engine.ports.clock.tick(3000)
    # The lock is the first write of a look; the report comes between what the look has read and its verdict.
    slow.meanwhile = lambda: setattr(slow, "meanwhile", lambda: engine.report(assignment))
    Orchestrator(replace(engine.ports, documents=slow), owner="slow").look(job_id)
    assert engine.statuses(job_id) == ["succeeded"]


def test_a_cancel_that_comes_while_a_look_decides_is_not_overwritten(engine):
    job_id = engine.submit()
    slow = CrashingDocuments(engine.ports.documents)
    cancel = partial(operations.cancel, engine.ports, engine.me, job_id)
    slow.meanwhile = lambda: setattr(slow, "meanwhile", cancel)
    Orchestrator(replace(engine.ports, documents=slow), owner="slow").look(job_id)
    assert engine.job(job_id).status is JobStatus.CANCELLED


def test_defect_4_the_watchdog_ends_an_order_that_never_reports(engine):
    job_id = engine.submit(make.order(timeout=10))
    engine.look(job_id)
    engine.begin(job_id, 1)
    engine.pass_time(10)
    engine.pass_time(10)
    engine.pass_time(40)
    assert engine.statuses(job_id) == ["timed_out"]
    assert [each.number for each in engine.target.stopped] == [1]


def test_defect_5_a_job_with_an_order_running_is_not_finished(engine):
    job_id = engine.submit(*[make.order() for _ in range(250)], max_parallel=250)
    engine.look(job_id)
    for number in range(1, 250):
        engine.report(engine.begin(job_id, number))
    engine.look(job_id)
    assert engine.job(job_id).status is JobStatus.RUNNING
    engine.end(job_id, 250)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED


def test_defect_6_a_late_result_changes_nothing_and_finishes_nothing_twice(engine):
    job_id = engine.submit(make.order(timeout=10))
    engine.look(job_id)
    late = engine.begin(job_id, 1)
    engine.pass_time(20)
    engine.pass_time(60)
    assert engine.report(late) is False
    engine.look(job_id)
    assert engine.statuses(job_id) == ["timed_out"]
    assert engine.kinds(job_id).count("job.timed_out") == 1


def test_defect_6_a_result_of_the_attempt_before_a_retry_is_not_taken_for_the_new_one(engine):
    job_id = engine.submit()
    engine.look(job_id)
    first = engine.begin(job_id, 1)
    engine.report(first, FAILED)
    engine.look(job_id)
    operations.retry(engine.ports, engine.me, job_id)
    engine.look(job_id)
    assert engine.report(first) is False
    assert engine.statuses(job_id) == ["dispatching"]


def test_defect_12_the_job_timeout_is_enforced(engine):
    job_id = engine.submit(make.order(timeout=9999), make.order("next", after=[1]), job_timeout=60)
    engine.look(job_id)
    running = engine.begin(job_id, 1)
    engine.pass_time(30)
    engine.pass_time(31)
    assert [each.number for each in engine.target.stopped] == [1]
    engine.report(running, OrderStatus.CANCELLED)
    engine.look(job_id)
    assert engine.job(job_id).status is JobStatus.TIMED_OUT
    assert engine.statuses(job_id) == ["timed_out", "cancelled"]


def test_an_attempt_is_begun_by_one_worker_only(engine):
    job_id = engine.submit()
    engine.look(job_id)
    assignment = engine.begin(job_id, 1, worker="w1")
    assert results.begin(engine.ports, assignment, worker="w2") is None


def test_a_result_is_taken_once(engine):
    job_id = engine.submit()
    engine.look(job_id)
    assignment = engine.begin(job_id, 1)
    assert engine.report(assignment) is True
    assert engine.report(assignment, FAILED) is False


def test_an_order_whose_worker_died_runs_again(engine):
    job_id = engine.submit()
    engine.look(job_id)
    engine.begin(job_id, 1, worker="w9")
    engine.target.gone.add("w9")
    engine.look(job_id)
    assert engine.order(job_id, 1).attempt == 2
    engine.end(job_id, 1)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED


def test_cancel_stops_what_runs_and_keeps_what_was_done(engine):
    job_id = engine.submit(*DIAMOND)
    engine.look(job_id)
    engine.end(job_id, 1)
    running = engine.begin(job_id, 2)
    operations.cancel(engine.ports, engine.me, job_id)
    engine.look(job_id)
    engine.report(running, OrderStatus.CANCELLED)
    engine.look(job_id)
    assert engine.statuses(job_id) == ["succeeded", "cancelled", "cancelled"]
    assert engine.job(job_id).status is JobStatus.CANCELLED


def test_an_ended_job_cannot_be_cancelled(engine):
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    with pytest.raises(Conflict, match="ended already"):
        operations.cancel(engine.ports, engine.me, job_id)


def test_a_retry_reruns_what_did_not_succeed_and_all_behind_it(engine):
    job_id = engine.submit(*DIAMOND)
    engine.look(job_id)
    engine.end(job_id, 1)
    engine.end(job_id, 2, FAILED)
    plan = operations.retry_plan(engine.ports, engine.me, job_id)
    assert (plan.keeps, plan.reruns) == ((1,), (2, 3))
    operations.retry(engine.ports, engine.me, job_id)
    engine.look(job_id)
    assert engine.statuses(job_id) == ["succeeded", "dispatching", "queued"]


def test_a_retried_job_can_succeed_and_remembers_its_attempts(engine):
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1, FAILED, "exit code 1")
    operations.retry(engine.ports, engine.me, job_id)
    engine.look(job_id)
    engine.end(job_id, 1)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED
    assert [str(each.status) for each in engine.order(job_id, 1).attempts] == ["failed", "succeeded"]


def test_a_retry_from_an_order_reruns_it_and_all_behind_it(engine):
    job_id = engine.submit(*DIAMOND)
    engine.look(job_id)
    for number in (1, 2, 3):
        engine.end(job_id, number)
    plan = operations.retry_plan(engine.ports, engine.me, job_id, from_order=2)
    assert (plan.keeps, plan.reruns) == ((1,), (2, 3))


def test_orders_of_one_queue_id_never_overlap_across_jobs(engine):
    first = engine.submit(make.order(queue_id="terraform"))
    second = engine.submit(make.order(queue_id="terraform"))
    engine.look(first)
    engine.look(second)
    assert engine.statuses(second) == ["queued"]
    engine.end(first, 1)
    engine.take_wake_ups()
    assert engine.statuses(second) == ["dispatching"]


def test_orders_of_one_queue_id_follow_each_other_inside_a_job(engine):
    job_id = engine.submit(make.order(queue_id="db"), make.order(queue_id="db"))
    engine.look(job_id)
    assert engine.statuses(job_id) == ["dispatching", "queued"]
    engine.end(job_id, 1)
    engine.end(job_id, 2)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED


def test_every_waiting_order_says_why(engine):
    job_id = engine.submit(*DIAMOND, make.order("d"), max_parallel=2)
    engine.look(job_id)
    reasons = [each.reason for each in operations.get_orders(engine.ports, engine.me, job_id)]
    assert reasons[0] == "waits for a free worker"
    assert reasons[2] == "waits for a, b"
    assert "max_parallel" in reasons[3]


def test_a_job_of_a_thousand_orders_is_stored_whole_or_not_at_all(engine):
    crashing = CrashingDocuments(engine.ports.documents)
    crashing.writes_left = 5
    with pytest.raises(Crash):
        Engine(replace(engine.ports, documents=crashing)).submit(*[make.order() for _ in range(1000)])
    assert engine.ports.documents.query_index("first", store.tenant_index("acme")).items == []
    engine.pass_time(2 * 24 * 3600)
    assert store.due(engine.ports.documents, engine.ports.clock.now(), limit=10) == []


def test_submitting_again_under_the_same_id_gives_the_same_job(engine):
    request = make.request(make.order("one"))
    first = operations.submit(engine.ports, engine.me, request, job_id="01K00000000000000000000000")
    again = operations.submit(engine.ports, engine.me, request, job_id="01K00000000000000000000000")
    assert (first.job_id, first.trace_id) == (again.job_id, again.trace_id)


def test_another_tenant_sees_nothing(engine):
    job_id = engine.submit()
    stranger = make.caller("other")
    for look in (operations.get_job, operations.get_orders, operations.cancel, operations.retry, operations.delete):
        with pytest.raises(NotFound):
            look(engine.ports, stranger, job_id)


def test_a_deleted_job_leaves_nothing(engine):
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    operations.delete(engine.ports, engine.me, job_id)
    assert engine.ports.documents.query(store.partition(job_id)).items == []


def test_history_is_kept_for_ninety_days(engine):
    job_id = engine.submit()
    engine.ports.clock.tick(89 * 24 * 3600)
    assert engine.kinds(job_id) == ["job.submitted"]
    engine.ports.clock.tick(2 * 24 * 3600)
    assert engine.kinds(job_id) == []


def test_a_clone_keeps_secrets_that_were_left_empty(engine):
    job_id = engine.submit(make.order("a", secrets={"TOKEN": "s3cret"}))
    copy = operations.clone(engine.ports, engine.me, job_id, {"name": "again"})
    sealed = engine.order(copy.job_id, 1).spec.secret_env["TOKEN"]
    assert engine.ports.vault.open(sealed) == "s3cret"
    assert copy.name == "again"


def test_a_target_that_is_not_offered_is_refused_with_its_place(engine):
    with pytest.raises(Invalid) as refusal:
        engine.submit(make.order(execution_target="lambda"))
    assert refusal.value.faults[0].place == "orders[0].execution_target"


def test_a_worker_that_ends_an_order_goes_on_with_the_next(engine):
    job_id = engine.submit(make.order("a"), make.order("b", after=["a"]))
    engine.look(job_id)
    first = engine.begin(job_id, 1)
    following = engine.orchestrator.take_up(job_id, engine.result(first), keeper="w1")
    assert (following.number, following.worker) == (2, "w1")
    assert engine.statuses(job_id) == ["succeeded", "running"]
    assert len(engine.target.handed) == 1


def test_a_worker_goes_on_with_nothing_while_others_wait_for_one(engine):
    job_id = engine.submit(make.order("a"), make.order("b", after=["a"]))
    engine.look(job_id)
    first = engine.begin(job_id, 1)
    engine.target.keeps = False
    assert engine.orchestrator.take_up(job_id, engine.result(first), keeper="w1") is None
    assert engine.statuses(job_id) == ["succeeded", "dispatching"]


def test_an_order_that_a_dead_worker_kept_runs_again(engine):
    job_id = engine.submit(make.order("a"), make.order("b", after=["a"]))
    engine.look(job_id)
    engine.orchestrator.take_up(job_id, engine.result(engine.begin(job_id, 1)), keeper="w1")
    engine.target.gone.add("w1")
    engine.look(job_id)
    engine.end(job_id, 2)
    assert engine.job(job_id).status is JobStatus.SUCCEEDED


def test_a_result_brought_while_the_lock_is_held_is_stored(engine):
    job_id = engine.submit()
    engine.look(job_id)
    first = engine.begin(job_id, 1)
    held = lock.acquire(engine.ports.documents, engine.ports.clock, job_id, owner="other")
    assert engine.orchestrator.take_up(job_id, engine.result(first), keeper="w1") is None
    assert lock.release(engine.ports.documents, held) is False
    engine.pass_time(31)
    assert engine.statuses(job_id) == ["succeeded"]


def test_a_late_result_brought_by_its_worker_changes_nothing(engine):
    job_id = engine.submit(make.order(timeout=10))
    engine.look(job_id)
    late = engine.begin(job_id, 1)
    engine.pass_time(20)
    engine.pass_time(60)
    engine.orchestrator.take_up(job_id, engine.result(late), keeper="w1")
    assert engine.statuses(job_id) == ["timed_out"]


def test_a_result_whose_write_lost_a_race_is_stored_and_taken_up(engine):
    job_id = engine.submit(make.order("a"), make.order("b", after=["a"]))
    engine.look(job_id)
    first = engine.begin(job_id, 1)
    slow = CrashingDocuments(engine.ports.documents)
    cancel = partial(operations.cancel, engine.ports, engine.me, job_id)
    slow.meanwhile = lambda: setattr(slow, "meanwhile", cancel)
    hurried = Orchestrator(replace(engine.ports, documents=slow), owner="slow")
    assert hurried.take_up(job_id, engine.result(first), keeper="w1") is None
    assert engine.statuses(job_id) == ["succeeded", "cancelled"]
