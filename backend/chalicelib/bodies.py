"""What callers send, read strictly: what two readers could understand differently is refused."""

import json
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from chalicelib.errors import Fault, Invalid, TooLarge
from chalicelib.exchange import JSON
from chalicelib.problems import WrongMediaType

BODY_LIMIT = 4_500_000
"""Bytes: of a Lambda's 6 MB base64 takes a quarter. Larger files go through the links of the objects port."""
DEPTH_LIMIT = 64


class Input(BaseModel):
    """Base of what callers send: unknown fields are refused, and nothing is converted in silence.

    A validator is built once it is needed, which few of them are in a function's life.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Query(BaseModel):
    """Base of query parameters, which come as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def check_media_type(header: str, allowed: tuple[str, ...]) -> str:
    """The media type without its parameters; a body without one is read as the first that is allowed."""
    given = header.split(";", 1)[0].strip().lower() or allowed[0]
    if given not in allowed:
        raise WrongMediaType(f"Send the body as {' or '.join(allowed)}, not as {given[:100]}.")
    return given


def check_size(body: bytes) -> None:
    if len(body) > BODY_LIMIT:
        raise TooLarge(f"A request holds at most {BODY_LIMIT:,} bytes.")


def read_json(body: bytes) -> Any:
    """Raises Invalid for anything but one JSON text in UTF-8 without repeated names, NaN or bottomless nesting."""
    check_size(body)
    if not body.strip():
        raise Invalid(f"The body is empty; send {JSON}.")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Invalid("The body is not JSON.", [Fault(place, error.msg)]) from None
    _check_depth(body, data)
    _check_names(body)
    return data


def _check_depth(body: bytes, data: Any) -> None:
    if body.count(b"[") + body.count(b"{") <= DEPTH_LIMIT:
        return
    level = [data]
    for _ in range(DEPTH_LIMIT):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise Invalid(f"The body is nested more than {DEPTH_LIMIT} levels deep.")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [each for each in value.values() if isinstance(each, dict | list)]
    return [each for each in value if isinstance(each, dict | list)] if isinstance(value, list) else []


def _check_names(body: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> None:
        names = {name for name, _ in pairs}
        if len(names) < len(pairs):
            twice = next(name for name in names if sum(name == other for other, _ in pairs) > 1)
            raise Invalid("The body names a field twice.", [Fault(twice[:100], "stands here twice")])

    try:
        json.loads(body, object_pairs_hook=once, parse_int=len, parse_float=len)
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8.") from None
