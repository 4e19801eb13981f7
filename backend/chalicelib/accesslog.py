"""One line of JSON per request on the standard output. Queries are left out: they may hold secrets."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import orjson

from chalicelib.clock import Clock, to_text
from chalicelib.exchange import Request

STANDARD_OUTPUT = 1


@dataclass(frozen=True, slots=True)
class Line:
    request_id: str
    method: str
    path: str
    status: int
    seconds: float
    more: Mapping[str, str] = field(default_factory=dict)


def line_of(request: Request, status: int, seconds: float) -> Line:
    more = {}
    if caller := request.admitted:
        more = {"user": caller.user_id, "tenant": caller.tenant_id}
    if request.trace_id:
        more["trace_id"] = request.trace_id
    return Line(request.request_id, request.method, request.path, status, seconds, more)


def write(clock: Clock, line: Line) -> None:
    shown = {
        "at": to_text(clock.now()),
        "request_id": line.request_id,
        "method": line.method,
        "path": line.path,
        "status": line.status,
        "ms": round(line.seconds * 1000, 2),
        **line.more,
    }
    # A log that nobody takes any more, or that filled its disk, must not keep anybody from an answer.
    with suppress(OSError):
        # One write per line, so that lines of several processes do not mix.
        os.write(STANDARD_OUTPUT, orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE))
