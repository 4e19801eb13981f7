"""What is written once an order was handed to its target, or could not be."""

from collections.abc import Sequence

from chalicelib.clock import to_text
from chalicelib.documents import Absent, Check, ConditionFailed, FieldIs, Put, Update
from chalicelib.jobs import store
from chalicelib.jobs.decide import MAX_LOSSES
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.model import Job, Order, OrderStatus, Report
from chalicelib.wiring import Ports


def assignment_of(job: Job, order: Order) -> Assignment:
    return Assignment(
        job_id=job.job_id, tenant_id=job.tenant_id, number=order.number, attempt=order.attempt, priority=job.priority
    )


def mark_running(ports: Ports, job: Job, orders: Sequence[Order], *, worker: str = "") -> bool:
    """The provider runs them now, as `worker`. False when one was lost, as to a result that came at once."""
    marked = True
    for order in orders:
        running = {"status": OrderStatus.RUNNING, "started_at": to_text(ports.clock.now()), "worker": worker}
        wanted = [FieldIs("live", order.attempt), FieldIs("status", OrderStatus.DISPATCHING)]
        try:
            ports.documents.transact([Update(store.order_key(job.job_id, order.number), running, conditions=wanted)])
        except ConditionFailed:
            marked = False
    return marked


def dispatch_failed(ports: Ports, job: Job, orders: Sequence[Order], reason: str) -> None:
    """Leave results that say so: the next look tries again later, or fails the order."""
    for order in orders:
        report = Report(
            number=order.number,
            attempt=order.attempt,
            status=OrderStatus.QUEUED if order.losses < MAX_LOSSES else OrderStatus.FAILED,
            reason=f"dispatch_failed: {reason}",
            exit_code=None,
            started_at=None,
            ended_at=ports.clock.now(),
            worker="",
            artifacts=(),
        )
        live = Check(store.order_key(job.job_id, order.number), [FieldIs("live", order.attempt)])
        put = Put(store.result_key(job.job_id, order.number), store.report_body(report), [Absent()])
        try:
            ports.documents.transact([live, put])
        except ConditionFailed:
            continue
