"""From whoever runs an attempt: that it started, and how it ended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.clock import Clock, to_text
from chalicelib.documents import Absent, Check, ConditionFailed, Delete, Exists, FieldIs, Put, Update
from chalicelib.jobs import store
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.model import Artifact, Event, Order, OrderStatus, Report
from chalicelib.wiring import Ports


def begin(ports: Ports, assignment: Assignment, *, worker: str) -> Order | None:
    """Dispatching -> running. None when the attempt is no longer wanted: cancelled, begun by another, or superseded."""
    key = store.order_key(assignment.job_id, assignment.number)
    found = ports.documents.get(key)
    if found is None or found.body["live"] != assignment.attempt:
        return None
    now = ports.clock.now()
    started = {"status": OrderStatus.RUNNING, "reason": "", "started_at": to_text(now), "worker": worker}
    wanted = [FieldIs("live", assignment.attempt), FieldIs("status", OrderStatus.DISPATCHING)]
    try:
        ports.documents.transact(
            [
                Update(key, started, conditions=wanted),
                Put(store.runner_key(worker, assignment.job_id, assignment.number), {}),
                store.put_event(
                    assignment.job_id, running_event(ports.clock, assignment.number, assignment.attempt, now)
                ),
            ]
        )
    except ConditionFailed:
        return None
    order = store.to_order(found)
    return replace(order, status=OrderStatus.RUNNING, started_at=now, worker=worker)


def running_event(clock: Clock, number: int, attempt: int, now: datetime) -> Event:
    return Event(
        event_id=clock.new_id(), at=now, actor="millrace", kind="order.running", order_number=number, attempt=attempt
    )


def begun(ports: Ports, job_id: str, order: Order) -> None:
    """Its worker, which was started a while ago, begins the commands now: its time counts from here."""
    running = [FieldIs("live", order.attempt), FieldIs("status", OrderStatus.RUNNING)]
    started = {"started_at": to_text(ports.clock.now())}
    try:
        ports.documents.transact([Update(store.order_key(job_id, order.number), started, conditions=running)])
    except ConditionFailed:
        return


def hand_back(ports: Ports, assignment: Assignment, reason: str) -> None:
    """An attempt that is not to begin now: it waits anew. Nothing when it has begun, or is not wanted, anyway."""
    result = Report(
        number=assignment.number,
        attempt=assignment.attempt,
        status=OrderStatus.QUEUED,
        reason=reason,
        exit_code=None,
        started_at=None,
        ended_at=ports.clock.now(),
        worker="",
        artifacts=(),
    )
    waiting = [FieldIs("live", assignment.attempt), FieldIs("status", OrderStatus.DISPATCHING)]
    try:
        ports.documents.transact(
            [
                Check(store.order_key(assignment.job_id, assignment.number), waiting),
                Put(store.result_key(assignment.job_id, assignment.number), store.report_body(result), [Absent()]),
            ]
        )
    except ConditionFailed:
        return


def report_of(
    ports: Ports,
    assignment: Assignment,
    *,
    worker: str,
    status: OrderStatus,
    reason: str = "",
    exit_code: int | None = None,
    started_at: datetime | None = None,
    artifacts: Sequence[Artifact] = (),
) -> Report:
    """The result of an attempt that ends now."""
    return Report(
        number=assignment.number,
        attempt=assignment.attempt,
        status=status,
        reason=reason[:1000],
        exit_code=exit_code,
        started_at=started_at,
        ended_at=ports.clock.now(),
        worker=worker,
        artifacts=tuple(artifacts),
    )


def report(ports: Ports, job_id: str, result: Report) -> bool:
    """Leave the result for the orchestrator, once per attempt; False when it came too late to count."""
    runner = Delete(store.runner_key(result.worker, job_id, result.number))
    live = FieldIs("live", result.attempt)
    try:
        ports.documents.transact(
            [
                Check(store.order_key(job_id, result.number), [Exists(), live]),
                Put(store.result_key(job_id, result.number), store.report_body(result), [Absent()]),
                runner,
            ]
        )
    except ConditionFailed:
        ports.documents.transact([runner])
        return False
    return True
