"""The list of a tenant's jobs, newest first. Every page reads a bounded number of documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.clock import to_text
from chalicelib.documents import Document, Index, Json, Page, Range
from chalicelib.jobs import store
from chalicelib.jobs.model import Job, JobStatus
from chalicelib.wiring import Ports

MOST_EXAMINED = 1000
"""Documents one page looks through for a text or a kind; its cursor goes on from there."""


@dataclass(frozen=True, slots=True)
class JobFilters:
    """`text` is found in names, users and ids, whatever the case. `since` and `until` bound the time of submission."""

    status: JobStatus | None = None
    kind: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    trace_id: str | None = None

    @property
    def picky(self) -> bool:
        """Asks for more than an index knows."""
        return bool(self.text or self.kind or self.trace_id)

    def admits(self, job: Json) -> bool:
        wanted = (self.text or "").casefold()
        exact = (not self.kind or job["kind"] == self.kind) and (not self.status or job["status"] == self.status)
        return exact and any(wanted in job[each].casefold() for each in ("name", "username", "job_id", "trace_id"))


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page can be shorter than asked and still have a cursor, when few of the jobs looked through matched."""

    items: Sequence[Job]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class StoredPage:
    items: Sequence[Document]
    cursor: str | None

    @property
    def bodies(self) -> Sequence[Json]:
        """Jobs as they are stored, times as text: for lists that are only passed on."""
        return [each.body for each in self.items]


def list_jobs(
    ports: Ports, caller: Caller, filters: JobFilters, *, limit: int = 50, cursor: str | None = None
) -> JobPage:
    page = list_stored_jobs(ports, caller, filters, limit=limit, cursor=cursor)
    return JobPage([store.to_job(each) for each in page.items], page.cursor)


def list_stored_jobs(
    ports: Ports, caller: Caller, filters: JobFilters, *, limit: int = 50, cursor: str | None = None
) -> StoredPage:
    require(caller, Permission.JOBS_READ)
    within = Range(
        start=to_text(filters.since) if filters.since else None,
        end=to_text(filters.until + timedelta(microseconds=1)) if filters.until else None,
    )
    found: list[Document] = []
    examined = 0
    while True:
        page = _read(ports, caller.tenant_id, filters, within, limit=limit - len(found), cursor=cursor)
        examined += len(page.items)
        found += [each for each in page.items if filters.admits(each.body)] if filters.picky else page.items
        cursor = page.cursor
        if cursor is None or not filters.picky or len(found) >= limit or examined >= MOST_EXAMINED:
            return StoredPage(found, cursor)


def _read(ports: Ports, tenant_id: str, filters: JobFilters, within: Range, *, limit: int, cursor: str | None) -> Page:
    if filters.trace_id:
        return _read_trace(ports, tenant_id, filters.trace_id, within, limit=limit, cursor=cursor)
    index, partition = Index.FIRST, store.tenant_index(tenant_id)
    if filters.status:
        index, partition = Index.SECOND, store.status_index(tenant_id, filters.status)
    return ports.documents.query_index(index, partition, within, limit=limit, cursor=cursor, descending=True)


def _read_trace(ports: Ports, tenant_id: str, trace_id: str, within: Range, *, limit: int, cursor: str | None) -> Page:
    partition = store.trace_partition(tenant_id, trace_id)
    page = ports.documents.query(partition, within, limit=limit, cursor=cursor, descending=True)
    found = ports.documents.get_many([store.job_key(each.body["job_id"]) for each in page.items])
    return Page([each for each in found if each is not None], page.cursor)
