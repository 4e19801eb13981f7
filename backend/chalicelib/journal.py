"""What goes wrong, as one line of JSON per event on the standard error, with the request it belongs to."""

import logging
import sys
from contextvars import ContextVar

import orjson

from chalicelib.clock import SystemClock, to_text

request_id: ContextVar[str] = ContextVar("request_id", default="")


class OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": to_text(SystemClock().now()),
            "level": record.levelname.lower(),
            "where": record.name,
            "message": record.getMessage(),
        }
        if name := request_id.get():
            line["request_id"] = name
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


def start() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
