"""Fills a data folder with jobs that have ended, through the feature's own store: the same documents, only faster."""

from datetime import datetime, timedelta
from pathlib import Path

from chalicelib.clock import SystemClock
from chalicelib.documents import TRANSACTION_LIMIT, Absent, Put
from chalicelib.jobs import store
from chalicelib.jobs.model import Event, Job, JobStatus, Order, OrderSpec, OrderStatus
from chalicelib.settings import read_settings
from chalicelib.wiring import connect

WRITES_PER_JOB = 3


def preload(data: Path, tenant_id: str, count: int) -> None:
    """`count` jobs of one order, a second apart."""
    clock = SystemClock()
    documents = connect(read_settings({"MILLRACE_DATA": str(data)}), clock).documents
    first = clock.now() - timedelta(seconds=count)
    jobs = [_job(clock.new_id(), tenant_id, first + timedelta(seconds=number)) for number in range(count)]
    step = TRANSACTION_LIMIT // WRITES_PER_JOB
    for start in range(0, count, step):
        documents.transact([write for job in jobs[start : start + step] for write in _writes(job)])


def _job(job_id: str, tenant_id: str, born: datetime) -> Job:
    return Job(
        job_id=job_id,
        tenant_id=tenant_id,
        username="ada@example.org",
        kind="shell",
        name="Preloaded",
        status=JobStatus.SUCCEEDED,
        created_at=born,
        started_at=born,
        ended_at=born,
        states="s",
    )


def _writes(job: Job) -> list[Put]:
    spec = OrderSpec(name="order-0001", commands=("true",), timeout=60)
    order = Order(number=1, spec=spec, status=OrderStatus.SUCCEEDED, attempt=1, exit_code=0)
    event = Event(event_id=job.job_id, at=job.created_at, actor=job.username, kind="job.submitted")
    return [store.put_job(job, Absent()), store.put_order(job.job_id, order), store.put_event(job.job_id, event)]
