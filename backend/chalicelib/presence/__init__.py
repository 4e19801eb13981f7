"""Port: which worker processes live.

- A worker is present from `enter` until it leaves or nothing that it began can run any more: only then may its orders
  start again elsewhere. It may take moments until a death is noticed (on AWS, on another machine: HELD seconds).
- Who departed is known until forgotten.
- Workers are known by letters, digits and hyphens, at most 60.
"""

from collections.abc import Sequence
from typing import Protocol

HELD = 30.0
"""Seconds for which a place is held without word from its worker, where only word tells that it lives."""
BEAT = 5.0
"""Seconds after which a worker is to say again that it stays."""


class Place(Protocol):
    """What a live worker holds."""

    @property
    def files(self) -> Sequence[int]:
        """Open files that whatever runs for the worker inherits: while one of them is open, the place is held."""
        ...

    def stay(self) -> None:
        """Say that it lives. It may take a while where the store is busy or out of reach."""
        ...

    def is_held(self) -> bool:
        """False when others may take the worker for gone: then it must end what it runs, at once."""
        ...

    def leave(self) -> None:
        """Nothing of it runs any more."""
        ...


class Presence(Protocol):
    def enter(self, worker: str) -> Place: ...

    def is_present(self, worker: str) -> bool: ...

    def present(self) -> list[str]: ...

    def departed(self) -> list[str]:
        """Workers that died or left, until they are forgotten."""
        ...

    def forget(self, worker: str) -> None:
        """One that departed; none of its orders is left."""
        ...
