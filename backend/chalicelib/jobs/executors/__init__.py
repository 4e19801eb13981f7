"""Ports: where the commands of an order run. One adapter per target.

An executor starts work and forgets it: the outcome comes back through `results.report`, from whoever ran it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """A worker will say when it starts: the order stays `dispatching`, unless it was marked already."""
    RUNNING = auto()
    """The provider runs it now."""


class DispatchFailed(Exception):
    """The target did not take the order. It is tried again with backoff, then fails the order with this text."""


class Executor(Protocol):
    def start(self, assignments: list[Assignment]) -> Started:
        """Hand over all of them, or raise DispatchFailed. Handing one over twice is harmless."""
        ...

    def stop(self, order: Order, assignment: Assignment) -> bool:
        """Ask for the end of a running attempt; the result then says so. Stopping what has ended is no error.

        True when nothing of it runs any more, so that no result need be waited for.
        """
        ...

    def may_keep(self) -> bool:
        """True when a worker that ended an order may run the next of its job itself, since nobody waits for one."""
        ...

    def lost(self, order: Order) -> bool:
        """True when whoever ran the attempt is known to be gone, so that no result can come."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """All that a worker far away gets of one attempt: a signed link to what it is to do.

    `name` is the attempt's own, of letters, digits and hyphens: providers that know such a thing start one name once.
    `timeout` is in seconds; `settings` are those of the order that only its target reads (ssm_targets, ...).
    """

    name: str
    link: str
    timeout: int
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Life:
    """What a provider knows of an attempt. `gone`: nothing of it runs any more, because of `reason`."""

    gone: bool
    reason: str = ""


ALIVE = Life(gone=False)
"""Also what is said where nobody can know."""


class Provider(Protocol):
    """A target whose workers reach nothing of ours but the links of their parcel."""

    def start(self, parcel: Parcel) -> str:
        """Begin an attempt; the handle by which the provider finds it again. Raises DispatchFailed."""
        ...

    def stop(self, handle: str) -> bool:
        """End it. True when nothing of it can run any more; stopping what has ended is no error."""
        ...

    def poll(self, handle: str) -> Life:
        """Alive too is what ended well: its result is on its way."""
        ...


class Watchdogs(Protocol):
    """Timers outside of Millrace that have an attempt checked until it has ended."""

    def start(self, name: str, watched: Mapping[str, object]) -> None:
        """Once for each name, however often it is asked. Raises DispatchFailed."""
        ...


class NoWatchdogs:
    """Where the sweeper alone sees to it that time-outs are kept."""

    def start(self, name: str, watched: Mapping[str, object]) -> None:
        """There is nothing to start."""
