"""Names under which other systems follow a job: its trace, one leg of it, and its flow."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote

from chalicelib.errors import Invalid

TRACE = r"[0-9a-f]{8}"
_FLOW = re.compile(rf"([^:]*):({TRACE})-(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Flow:
    username: str
    trace_id: str
    label: str


def new_trace_id() -> str:
    """Eight hexadecimal digits. Several jobs can share one."""
    return secrets.token_hex(4)


def leg_of(trace_id: str, now: datetime) -> str:
    """One job's part in a trace: `<trace_id>:<epoch>`."""
    return f"{trace_id}:{int(now.timestamp())}"


def flow_id(flow: Flow) -> str:
    """`<username>:<trace_id>-<flow_label>`. A colon in the username is written %3A, so that it can be read back."""
    username = re.sub("[%:]", lambda found: quote(found[0], safe=""), flow.username)
    return f"{username}:{flow.trace_id}-{flow.label}"


def read_flow_id(text: str) -> Flow:
    """Raises Invalid."""
    found = _FLOW.fullmatch(text)
    if found is None:
        raise Invalid("A flow_id is <username>:<trace_id>-<flow_label>.")
    return Flow(re.sub("%(25|3A)", lambda each: unquote(each[0]), found[1]), found[2], found[3])
