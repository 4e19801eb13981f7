"""Telling an orchestrator to look at a job. A lost wake-up costs time, never a job: the sweeper finds it."""

from chalicelib.documents import Index
from chalicelib.jobs import store
from chalicelib.jobs.model import JobStatus
from chalicelib.queues import BATCH_LIMIT, Message
from chalicelib.wiring import Ports

WAKE_UPS = "wake-ups"


def wake(ports: Ports, job_id: str, *, tenant_id: str) -> None:
    ports.queues.send(WAKE_UPS, [Message({"job_id": job_id}, group=tenant_id)], durable=False)


def wake_all(ports: Ports, tenant_id: str) -> None:
    """Look at every open job of a tenant: what kept them waiting is over."""
    for status in (JobStatus.RUNNING, JobStatus.QUEUED):
        cursor: str | None = None
        while True:
            page = ports.documents.query_index(
                Index.SECOND, store.status_index(tenant_id, status), limit=BATCH_LIMIT, cursor=cursor
            )
            if page.items:
                ports.queues.send(
                    WAKE_UPS, [Message({"job_id": each.body["job_id"]}, group=tenant_id) for each in page.items]
                )
            cursor = page.cursor
            if cursor is None:
                break
