"""The only source of time and of ids."""

import os
import time
from datetime import UTC, datetime
from random import Random
from typing import Protocol

from ulid import ULID

_random = Random()  # noqa: S311 - ids name things, and open nothing
os.register_at_fork(after_in_child=_random.seed)


class Clock(Protocol):
    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def new_id(self) -> str:
        """A fresh id of 26 characters; later ones sort after earlier ones (by the millisecond)."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self) -> str:
        # Not ULID(): to order ids within a millisecond too, it lets the threads of a process wait for each other.
        return str(ULID((time.time_ns() // 1_000_000).to_bytes(6, "big") + _random.randbytes(10)))


def to_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)
