"""From whoever runs an attempt: that it started, and how it ended."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.clock import to_text
from chalicelib.documents import Absent, Check, ConditionFailed, Delete, Exists, FieldIs, Put, Update
from chalicelib.jobs import store
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.model import Artifact, Event, Order, OrderStatus
from chalicelib.jobs.store import Report
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
                store.put_event(assignment.job_id, _running(ports, assignment, now)),
            ]
        )
    except ConditionFailed:
        return None
    order = store.to_order(found)
    return replace(order, status=OrderStatus.RUNNING, started_at=now, worker=worker)


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


def report(
    ports: Ports,
    assignment: Assignment,
    *,
    worker: str,
    status: OrderStatus,
    reason: str = "",
    exit_code: int | None = None,
    started_at: datetime | None = None,
    artifacts: Sequence[Artifact] = (),
) -> bool:
    """Leave the result for the orchestrator, once per attempt; False when it came too late to count."""
    result = Report(
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
    live = FieldIs("live", assignment.attempt)
    try:
        ports.documents.transact(
            [
                Check(store.order_key(assignment.job_id, assignment.number), [Exists(), live]),
                Put(store.result_key(assignment.job_id, assignment.number), store.report_body(result), [Absent()]),
                Delete(store.runner_key(worker, assignment.job_id, assignment.number)),
            ]
        )
    except ConditionFailed:
        ports.documents.transact([Delete(store.runner_key(worker, assignment.job_id, assignment.number))])
        return False
    return True


def _running(ports: Ports, assignment: Assignment, now: datetime) -> Event:
    return Event(
        event_id=ports.clock.new_id(),
        at=now,
        actor="millrace",
        kind="order.running",
        order_number=assignment.number,
        attempt=assignment.attempt,
    )
