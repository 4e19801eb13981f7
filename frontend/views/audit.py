"""What was changed, as the page says it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from chalicelib.audit.model import Entry
from frontend.views.words import shorten


@dataclass(frozen=True, slots=True)
class AuditRow:
    at: datetime
    actor: str
    action: str
    resource: str
    changes: tuple[tuple[str, str, str], ...]
    """Field, before, after."""
    origin: str


def audit_row(entry: Entry) -> AuditRow:
    before, after = entry.before or {}, entry.after or {}
    names = dict.fromkeys((*before, *after))
    changes = tuple((name, _short(before.get(name)), _short(after.get(name))) for name in names)
    request = f"request {entry.request_id}" if entry.request_id else ""
    origin = ", ".join(each for each in (entry.address, shorten(entry.user_agent, 60), request) if each)
    told = tuple(each for each in changes if each[1] or each[2])
    return AuditRow(entry.at, entry.actor, entry.action, entry.resource, told, origin)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if each is not None}
    if value is None or value == {}:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
