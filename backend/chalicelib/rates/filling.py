"""The arithmetic of a bucket, which is one number: the moment when it will be full again, in microseconds."""

import re
from datetime import UTC, datetime, timedelta

from chalicelib.errors import Invalid
from chalicelib.rates import WINDOW, Rate

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid("The name of a rate has 1 to 100 letters, digits, hyphens and underscores.")


def microseconds(now: datetime) -> int:
    return (now - _EPOCH) // timedelta(microseconds=1)


def interval(limit: int) -> int:
    """Microseconds in which one token comes back."""
    return WINDOW * SECOND // limit


def taken(full_at: int, limit: int, now: int) -> tuple[int, Rate]:
    """When it is full after one was taken, and what the taker is told; the same moment when there was none."""
    missing = max(full_at - now, 0)
    size = limit * interval(limit)
    after = missing + interval(limit)
    if after > size:
        return full_at, Rate(limit, 0, _seconds(missing), retry_after=max(1, _seconds(after - size)))
    return now + after, Rate(limit, (size - after) // interval(limit), _seconds(after))


def _seconds(span: int) -> int:
    """Rounded up."""
    return -(-span // SECOND)
