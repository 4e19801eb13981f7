"""Searching the audit of a tenant, and taking it away."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit import store
from chalicelib.audit.model import Entry
from chalicelib.clock import to_text
from chalicelib.documents import Document, Index, Page, Range
from chalicelib.wiring import Ports

MOST_EXAMINED = 1000
"""Documents that one page looks through when several filters are given; its cursor goes on from there."""
EXPORTED_BYTES = 4_000_000
"""Of one export; the next goes on after it."""
COLUMNS = (
    "at",
    "actor",
    "action",
    "resource",
    "before",
    "after",
    "address",
    "user_agent",
    "request_id",
    "key_id",
    "entry_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """Empty ones filter nothing. `until` is included."""

    actor: str = ""
    action: str = ""
    resource: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def admits(self, entry: Entry) -> bool:
        return (
            (not self.actor or entry.actor.casefold() == self.actor.casefold())
            and (not self.action or entry.action == self.action)
            and (not self.resource or entry.resource == self.resource)
        )

    @property
    def picky(self) -> bool:
        """Asks for more than one index knows."""
        return sum(map(bool, (self.actor, self.action, self.resource))) > 1


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page can be shorter than asked and still have a cursor, when few of the entries looked through matched."""

    items: Sequence[Entry]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """`cursor` goes on after what did not fit."""

    text: bytes
    cursor: str | None


def search(
    ports: Ports,
    caller: Caller,
    tenant_id: str,
    filters: AuditFilters,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> AuditPage:
    """Newest first."""
    require(caller, Permission.AUDIT_READ, tenant_id)
    found: list[Entry] = []
    examined = 0
    while True:
        page = _page(ports, tenant_id, filters, limit=limit - len(found), cursor=cursor)
        examined += len(page.items)
        found += _admitted(page.items, filters)
        cursor = page.cursor
        if cursor is None or not filters.picky or len(found) >= limit or examined >= MOST_EXAMINED:
            return AuditPage(found, cursor)


def _admitted(documents: Sequence[Document], filters: AuditFilters) -> Iterator[Entry]:
    return filter(filters.admits, map(store.to_entry, documents))


def _page(ports: Ports, tenant_id: str, filters: AuditFilters, *, limit: int, cursor: str | None) -> Page:
    """By the index that knows most: of one thing there are fewer entries than of one person, or of one action."""
    within = Range(
        start=to_text(filters.since) if filters.since else None,
        end=to_text(filters.until + timedelta(microseconds=1)) if filters.until else None,
    )
    indexes = (
        (filters.resource, Index.THIRD, store.by_resource),
        (filters.actor, Index.FIRST, store.by_actor),
        (filters.action, Index.SECOND, store.by_action),
    )
    for wanted, index, partition in indexes:
        if wanted:
            return ports.documents.query_index(
                index, partition(tenant_id, wanted), within, limit=limit, cursor=cursor, descending=True
            )
    return ports.documents.query(store.partition(tenant_id), within, limit=limit, cursor=cursor, descending=True)


def export(ports: Ports, caller: Caller, tenant_id: str, filters: AuditFilters, *, cursor: str | None = None) -> Export:
    """What a search finds as CSV, with a line of names, up to some MB."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    while True:
        page = search(ports, caller, tenant_id, filters, limit=100, cursor=cursor)
        writer.writerows(map(_row, page.items))
        cursor = page.cursor
        # Counted in characters, of which each takes up to four bytes.
        if cursor is None or file.tell() > EXPORTED_BYTES // 4:
            return Export(file.getvalue().encode(), cursor)


def _row(entry: Entry) -> list[str]:
    values: Mapping[str, Any] = {
        name: getattr(entry, name) for name in COLUMNS if name not in ("at", "before", "after")
    }
    told = {name: _json(each) for name, each in (("before", entry.before), ("after", entry.after))}
    row = {**values, **told, "at": to_text(entry.at)}
    return [harmless(row[name]) for name in COLUMNS]


def _json(values: Mapping[str, Any] | None) -> str:
    return "" if values is None else orjson.dumps(values).decode()


def harmless(text: str) -> str:
    """A spreadsheet takes what begins like this for a formula, and runs it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
