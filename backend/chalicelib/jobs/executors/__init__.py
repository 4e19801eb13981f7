"""Port: where the commands of an order run. One adapter per target.

An executor starts work and forgets it: the outcome comes back through `results.report`, from whoever ran it.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from chalicelib.jobs.model import Order


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt to be started: enough to find everything else. `attempt` is the fencing token of its result."""

    job_id: str
    tenant_id: str
    number: int
    attempt: int
    priority: int = 0


class Started(Enum):
    HANDED_OVER = auto()
    """A worker will say when it starts: the order stays `dispatching`."""
    RUNNING = auto()
    """The provider runs it now."""


class DispatchFailed(Exception):
    """The target did not take the order. It is tried again with backoff, then fails the order with this text."""


class Executor(Protocol):
    def start(self, assignments: list[Assignment]) -> Started:
        """Hand over all of them, or raise DispatchFailed. Handing one over twice is harmless."""
        ...

    def stop(self, order: Order, assignment: Assignment) -> None:
        """Ask for the end of a running attempt; the result then says so. Stopping what has ended is no error."""
        ...

    def may_keep(self) -> bool:
        """True when a worker that ended an order may run the next of its job itself, since nobody waits for one."""
        ...

    def lost(self, order: Order) -> bool:
        """True when whoever ran the attempt is known to be gone, so that no result can come."""
        ...
