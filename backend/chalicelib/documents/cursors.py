"""Cursors of every adapter: the key that the last page ended with, unreadable enough that nobody builds on it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import orjson

from chalicelib.documents import BadCursor, Range

LONGEST = 20_000
"""Characters; more than the longest keys need."""


def write_cursor(sort: str, *rest: str) -> str:
    """`sort` is the key that the range is about; `rest` tells documents apart that share it."""
    return urlsafe_b64encode(orjson.dumps([sort, *rest])).decode().rstrip("=")


def read_cursor(cursor: str, *, parts: int, within: Range) -> Sequence[str]:
    """The parts given to `write_cursor`. Raises BadCursor unless it was made for such a list."""
    if len(cursor) > LONGEST:
        raise BadCursor
    try:
        parsed = orjson.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadCursor from None
    if (
        not isinstance(parsed, list)
        or len(parsed) != parts
        or not all(isinstance(part, str) and part for part in parsed)
    ):
        raise BadCursor
    if write_cursor(*parsed) != cursor or not covers(within, parsed[0]):
        raise BadCursor
    return parsed


def covers(within: Range, sort: str) -> bool:
    return (
        sort.startswith(within.prefix)
        and (within.start is None or within.start <= sort)
        and (within.end is None or sort <= within.end)
    )
