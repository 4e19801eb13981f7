"""One line of JSON per request on the standard output. Queries are left out: they may hold secrets."""

import os
import sys

import orjson

from chalicelib.clock import to_text
from chalicelib.exchange import Request


def write(request: Request, status: int, seconds: float) -> None:
    caller = request.admitted
    line = {
        "at": to_text(request.ports.clock.now()),
        "request_id": request.request_id,
        "method": request.method,
        "path": request.path,
        "status": status,
        "ms": round(seconds * 1000, 2),
    }
    if caller:
        line |= {"user": caller.user_id, "tenant": caller.tenant_id}
    if request.trace_id:
        line["trace_id"] = request.trace_id
    # One write per line, so that lines of several processes do not mix.
    os.write(sys.stdout.fileno(), orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
