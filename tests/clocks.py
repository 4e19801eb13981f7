"""A clock that tests wind by hand."""

from datetime import UTC, datetime, timedelta
from itertools import count

from ulid import ULID

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class ManualClock:
    """Time stands still until someone sets `present` or calls `tick`."""

    def __init__(self, start: datetime = START) -> None:
        self.present = start
        self._counter = count(1)

    def now(self) -> datetime:
        return self.present

    def tick(self, seconds: float) -> None:
        self.present += timedelta(seconds=seconds)

    def number_from(self, first: int) -> None:
        """Later ids are none of those that another clock gave before its `first`."""
        self._counter = count(first)

    def new_id(self) -> str:
        milliseconds = int(self.present.timestamp() * 1000)
        return str(ULID(milliseconds.to_bytes(6, "big") + next(self._counter).to_bytes(10, "big")))
