"""Target `process`: worker processes take orders from a queue."""

from chalicelib.jobs.executors import Assignment, Started
from chalicelib.jobs.model import Order
from chalicelib.presence import Presence
from chalicelib.queues import BATCH_LIMIT, Message, Queues

WORK = "orders"


def stops_of(worker: str) -> str:
    """The queue on which a worker is asked to stop an attempt."""
    return f"stop-{worker}"


class ProcessExecutor:
    """`asks`: workers have queues to be asked to stop by; else they find the wish in the order's document."""

    def __init__(self, queues: Queues, presence: Presence, *, asks: bool = True) -> None:
        self._queues = queues
        self._presence = presence
        self._asks = asks

    def start(self, assignments: list[Assignment]) -> Started:
        for first in range(0, len(assignments), BATCH_LIMIT):
            batch = assignments[first : first + BATCH_LIMIT]
            self._queues.send(WORK, [_message(each) for each in batch])
        return Started.HANDED_OVER

    def stop(self, order: Order, assignment: Assignment) -> bool:
        if self._asks and self._presence.is_present(order.worker):
            self._queues.send(stops_of(order.worker), [_message(assignment)])
        return False

    def may_keep(self) -> bool:
        return not self._queues.has_waiting(WORK)

    def lost(self, order: Order) -> bool:
        return not self._presence.is_present(order.worker)


def _message(assignment: Assignment) -> Message:
    body = {
        "job_id": assignment.job_id,
        "tenant_id": assignment.tenant_id,
        "number": assignment.number,
        "attempt": assignment.attempt,
        "priority": assignment.priority,
    }
    return Message(body, group=assignment.tenant_id, priority=assignment.priority)
