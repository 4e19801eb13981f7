"""Ending and removing all jobs of a tenant that goes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from chalicelib.documents import ConditionFailed, Delete, Document, Index, Range, VersionIs
from chalicelib.errors import NotFound
from chalicelib.jobs import artifacts, logs, slots, store, submitting
from chalicelib.jobs.actions import Stopped
from chalicelib.jobs.model import Event, Job, JobStatus
from chalicelib.jobs.wakeups import wake
from chalicelib.wiring import Ports

_PAUSE = 0.2
_OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)


def count_open(ports: Ports, tenant_id: str, *, most: int = 100) -> int:
    """Jobs that have not ended; counting stops at `most`."""
    pages = [
        ports.documents.query_index(Index.SECOND, store.status_index(tenant_id, each), limit=most) for each in _OPEN
    ]
    return min(most, sum(len(page.items) for page in pages))


def clear(ports: Ports, tenant_id: str, *, keep: str, by: str, stopped: Callable[[], bool]) -> int:
    """Cancel what is open, wait for its end, and remove every job but `keep`; how many there were. Raises Stopped."""
    removed = 0
    while jobs := [each for each in _all(ports, tenant_id) if each.job_id != keep]:
        open_jobs = [each for each in jobs if not each.status.ended]
        for each in open_jobs:
            if not each.cancel_requested_by:
                _cancel(ports, each, by)
        for each in jobs:
            if each.status.ended:
                removed += _remove(ports, each)
        if stopped():
            raise Stopped
        if open_jobs:
            time.sleep(_PAUSE)
    _clear_rest(ports, tenant_id, keep)
    return removed


def _all(ports: Ports, tenant_id: str) -> Iterator[Job]:
    """Some of them; what is left is found by asking again."""
    page = ports.documents.query_index(Index.FIRST, store.tenant_index(tenant_id), limit=1000)
    return map(store.to_job, page.items)


def _cancel(ports: Ports, job: Job, by: str) -> None:
    asked = Event(event_id=ports.clock.new_id(), at=ports.clock.now(), actor=by, kind="job.cancel_requested")
    after = replace(job, cancel_requested_by=by, reason="the organisation is deleted")
    try:
        ports.documents.transact([store.put_job(after), store.put_event(job.job_id, asked)])
    except ConditionFailed:
        return
    wake(ports, job.job_id, tenant_id=job.tenant_id)


def _remove(ports: Ports, job: Job) -> bool:
    """False when it changed meanwhile."""
    try:
        gone = Delete(store.job_key(job.job_id), [VersionIs(job.version)])
        ports.documents.transact([gone, Delete(store.trace_key(job))])
    except (ConditionFailed, NotFound):
        return False
    submitting.sweep(ports, job.job_id, job.tenant_id)
    return True


def _clear_rest(ports: Ports, tenant_id: str, keep: str) -> None:
    if not any(each.job_id == keep for each in _all(ports, tenant_id)):
        ports.objects.delete_prefix(logs.tenant_prefix(tenant_id))
        ports.objects.delete_prefix(artifacts.tenant_prefix(tenant_id))
    for each in _documents(ports, slots.partition(tenant_id)):
        ports.documents.transact([Delete(each.key)])


def _documents(ports: Ports, partition: str) -> Iterator[Document]:
    while items := ports.documents.query(partition, Range()).items:
        yield from items
