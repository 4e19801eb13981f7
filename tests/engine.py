"""A job brought forward by hand: submit, begin and end attempts, look, and let things go wrong on the way."""

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.documents import Documents, Write
from chalicelib.jobs import operations, results, store
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.model import Job, Order, OrderStatus, Report, Target
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.jobs.sweeper import sweep_due
from chalicelib.jobs.wakeups import WAKE_UPS
from chalicelib.wiring import Ports
from tests import make


class Crash(BaseException):
    """The process died here: nothing of ours may catch it."""


class CrashingDocuments:
    """A store whose user dies at its n-th write from now on, before or after the write."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.writes_left: int | None = None
        self.after = False
        self.meanwhile: Callable[[], object] | None = None
        """What somebody else does just before the next write."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._documents, name)

    def transact(self, writes: Sequence[Write], *, durable: bool = True) -> None:
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            meanwhile()
        if self.writes_left is None or self.writes_left > 0:
            self._documents.transact(writes)
            if self.writes_left is not None:
                self.writes_left -= 1
            return
        self.writes_left = None
        if self.after:
            self._documents.transact(writes)
        raise Crash


class Engine:
    def __init__(self, ports: Ports | None = None) -> None:
        self.ports = ports or make.ports()
        self.me = make.caller()
        self.orchestrator = Orchestrator(self.ports, owner="one")

    @property
    def target(self) -> make.HandTarget:
        found = self.ports.executors[Target.PROCESS]
        assert isinstance(found, make.HandTarget)
        return found

    def submit(self, *orders: dict[str, Any], **fields: Any) -> str:
        return operations.submit(self.ports, self.me, make.request(*orders, **fields)).job_id

    def look(self, job_id: str) -> None:
        self.orchestrator.look(job_id)

    def take_wake_ups(self) -> None:
        for each in self.ports.queues.receive(WAKE_UPS, limit=100):
            self.look(each.body["job_id"])
            self.ports.queues.acknowledge(WAKE_UPS, [each.receipt])

    def pass_time(self, seconds: float) -> None:
        """Wind the clock and let the sweeper find what is due."""
        self.ports.clock.tick(seconds)
        sweep_due(self.ports, self.orchestrator)

    def begin(self, job_id: str, number: int, *, worker: str = "w1") -> Assignment:
        assignment = next(
            each for each in reversed(self.target.handed) if (each.job_id, each.number) == (job_id, number)
        )
        assert results.begin(self.ports, assignment, worker=worker) is not None
        return assignment

    def end(self, job_id: str, number: int, status: OrderStatus = OrderStatus.SUCCEEDED, reason: str = "") -> None:
        """Begin if need be, report, and look."""
        current = self.order(job_id, number)
        last = next(each for each in reversed(self.target.handed) if (each.job_id, each.number) == (job_id, number))
        assignment = last if current.status is OrderStatus.RUNNING else self.begin(job_id, number)
        self.report(assignment, status, reason)
        self.look(job_id)

    def report(self, assignment: Assignment, status: OrderStatus = OrderStatus.SUCCEEDED, reason: str = "") -> bool:
        return results.report(self.ports, assignment.job_id, self.result(assignment, status, reason))

    def result(self, assignment: Assignment, status: OrderStatus = OrderStatus.SUCCEEDED, reason: str = "") -> Report:
        return results.report_of(self.ports, assignment, worker="w1", status=status, reason=reason)

    def job(self, job_id: str) -> Job:
        return store.find_job(self.ports.documents, job_id)

    def order(self, job_id: str, number: int) -> Order:
        return store.load_orders(self.ports.documents, self.job(job_id), [number])[number]

    def statuses(self, job_id: str) -> list[str]:
        return [str(each.status) for each in store.load_all_orders(self.ports.documents, self.job(job_id))]

    def kinds(self, job_id: str) -> list[str]:
        return [each.kind for each in operations.list_events(self.ports, self.me, job_id).items]
