"""What an order does when it is no shell: built-in actions, run by the same workers and watched the same way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.jobs.model import Artifact, Job, Order
from chalicelib.wiring import Ports

SHELL = "shell"


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt. `say` writes a line of its log; `stopped` tells whether it is to end now."""

    ports: Ports
    job: Job
    order: Order
    say: Callable[[str], None]
    stopped: Callable[[], bool]


Action = Callable[[Task], Sequence[Artifact] | None]
"""Ends well, with the files it leaves if any, or raises a MillraceError whose words become the order's reason.

It may be run again after a crash."""
Actions = Mapping[str, Action]


class Stopped(Exception):
    """The action ended because it was asked to."""


class HandedBack(Exception):
    """The action cannot go on now, and is to be run again once it can: at no cost."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
