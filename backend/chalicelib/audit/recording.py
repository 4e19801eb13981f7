"""The audit entry of a change, to be written in the transaction of that change."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from chalicelib.accounts.model import Caller
from chalicelib.audit import store
from chalicelib.audit.model import Entry
from chalicelib.clock import Clock
from chalicelib.documents import Put

LONGEST_TEXT = 500
LARGEST = 20_000
"""Bytes of JSON kept of `before` and of `after`."""
HIDDEN = "(hidden)"
_SECRET = re.compile(r"secret|password|token|signature", re.IGNORECASE)


def entry(
    clock: Clock,
    caller: Caller,
    action: str,
    resource: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    tenant_id: str | None = None,
) -> Put:
    """`action` is as `member.add`, `resource` as `member/<id>`. The entry is the caller's tenant's unless told."""
    return store.put_entry(
        Entry(
            entry_id=clock.new_id(),
            tenant_id=tenant_id or caller.tenant_id,
            at=clock.now(),
            actor=caller.email,
            action=action,
            resource=resource,
            before=told(before),
            after=told(after),
            request_id=caller.origin.request_id,
            address=caller.origin.address,
            user_agent=caller.origin.user_agent,
            key_id=caller.key_id,
        )
    )


def told(values: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What may be kept of them: values of fields that are named like secrets are left out, long ones are cut."""
    if values is None:
        return None
    kept: dict[str, Any] = _told(values)
    if len(orjson.dumps(kept)) > LARGEST:
        return {"left_out": f"more than {LARGEST:,} bytes: {', '.join(sorted(kept)[:20])}"}
    return kept


def _told(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): HIDDEN if _SECRET.search(str(name)) else _told(each) for name, each in value.items()}
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}..."
    if isinstance(value, Sequence | set | frozenset):
        return [_told(each) for each in value]
    return value if isinstance(value, bool | int | float | None) else str(value)
