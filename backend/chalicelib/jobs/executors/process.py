"""Target `process`: worker processes on this machine take orders from a queue."""

from pathlib import Path

from chalicelib.jobs.executors import Assignment, Started
from chalicelib.jobs.executors.presence import is_present
from chalicelib.jobs.model import Order
from chalicelib.queues import BATCH_LIMIT, Message, Queues

WORK = "orders"


def stops_of(worker: str) -> str:
    """The queue on which a worker is asked to stop an attempt."""
    return f"stop-{worker}"


class ProcessExecutor:
    def __init__(self, queues: Queues, workers: Path) -> None:
        self._queues = queues
        self._workers = workers

    def start(self, assignments: list[Assignment]) -> Started:
        for first in range(0, len(assignments), BATCH_LIMIT):
            batch = assignments[first : first + BATCH_LIMIT]
            self._queues.send(WORK, [_message(each) for each in batch])
        return Started.HANDED_OVER

    def stop(self, order: Order, assignment: Assignment) -> None:
        if order.worker and is_present(self._workers, order.worker):
            self._queues.send(stops_of(order.worker), [_message(assignment)])

    def may_keep(self) -> bool:
        return not self._queues.has_waiting(WORK)

    def lost(self, order: Order) -> bool:
        return not is_present(self._workers, order.worker)


def _message(assignment: Assignment) -> Message:
    body = {
        "job_id": assignment.job_id,
        "tenant_id": assignment.tenant_id,
        "number": assignment.number,
        "attempt": assignment.attempt,
        "priority": assignment.priority,
    }
    return Message(body, group=assignment.tenant_id, priority=assignment.priority)
