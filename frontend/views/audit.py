"""What was changed, as the page says it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from chalicelib.audit.model import Entry


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
    origin = ", ".join(each for each in (entry.address, entry.user_agent, f"request {entry.request_id}") if each)
    return AuditRow(entry.at, entry.actor, entry.action, entry.resource, changes, origin)


def _short(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
