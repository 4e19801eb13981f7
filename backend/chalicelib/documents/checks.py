"""What every adapter refuses before it touches its store."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from chalicelib.documents import DOCUMENT_LIMIT, TRANSACTION_BYTES, TRANSACTION_LIMIT, Json, Key, Put, Update, Write
from chalicelib.errors import Invalid

KEY_CHARACTERS = 500
KEY_BYTES = 1000
"""DynamoDB takes 1,024 bytes for a sort key."""


def check_writes(writes: Sequence[Write]) -> None:
    if len(writes) > TRANSACTION_LIMIT:
        raise Invalid(f"A transaction has at most {TRANSACTION_LIMIT} writes, not {len(writes)}.")
    if len({write.key for write in writes}) < len(writes):
        raise Invalid("A transaction writes each key once.")
    for write in writes:
        check_keys([write.key])
        if isinstance(write, Put):
            check_keys(write.indexes.values())
        if isinstance(write, Update) and not write.set.keys().isdisjoint(write.add):
            raise Invalid("An update either sets a field or adds to it.")


def check_keys(keys: Iterable[Key]) -> None:
    for key in keys:
        _check_part(key.partition)
        _check_part(key.sort)


def _check_part(text: str) -> None:
    if text.isascii() and 0 < len(text) <= KEY_CHARACTERS:
        return
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid("A key is valid Unicode text.") from None
    if not text or len(text) > KEY_CHARACTERS or size > KEY_BYTES:
        raise Invalid(f"A key has 1 to {KEY_CHARACTERS} characters, in at most {KEY_BYTES} bytes.")


def check_limit(limit: int) -> None:
    if limit < 1:
        raise Invalid("A page has room for at least one document.")


def encode_body(body: Json) -> bytes:
    """The body as JSON. Raises Invalid when it cannot be, or is over the limit."""
    try:
        text = orjson.dumps(body, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS)
    except orjson.JSONEncodeError as error:
        raise Invalid(f"A document is JSON: {error}.") from error
    if len(text) > DOCUMENT_LIMIT:
        raise Invalid(f"A document has at most {DOCUMENT_LIMIT} bytes of JSON, not {len(text)}.")
    return text


def encode_puts(writes: Sequence[Write]) -> list[bytes]:
    """The body of each put, nothing for other writes. Raises Invalid when one, or all together, are over the limit."""
    bodies = [encode_body(write.body) if isinstance(write, Put) else b"" for write in writes]
    if (size := sum(map(len, bodies))) > TRANSACTION_BYTES:
        raise Invalid(f"A transaction has at most {TRANSACTION_BYTES} bytes of JSON, not {size}.")
    return bodies


def add_to_field(body: dict[str, Any], name: str, amount: int) -> int:
    """The new value of an integer field; a missing one counts as 0."""
    value = body.get(name, 0)
    if type(value) is not int:
        raise Invalid(f"Only an integer field can be added to, and {name!r} is none.")
    return value + amount
