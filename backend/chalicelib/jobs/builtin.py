"""Jobs of built-in actions: what Millrace does for a tenant in the background, watched like any other job."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.clock import Clock
from chalicelib.documents import Absent, Write
from chalicelib.jobs import store
from chalicelib.jobs.flows import new_trace_id
from chalicelib.jobs.model import STATE_LETTERS, Event, Job, JobStatus, Order, OrderSpec, OrderStatus

MOST_ORDERS = 90


def creation(
    clock: Clock,
    specs: Sequence[OrderSpec],
    *,
    job_id: str,
    tenant_id: str,
    username: str,
    kind: str,
    name: str,
    **more: Any,
) -> list[Write]:
    """What makes the job, for the transaction of what it is about; at most MOST_ORDERS orders. Wake it afterwards.

    `more` are other fields of the job: priority, max_parallel, job_timeout, paused_by, settings.
    """
    now = clock.now()
    job = _job(specs, now, job_id=job_id, tenant_id=tenant_id, username=username, kind=kind, name=name, **more)
    submitted = Event(event_id=clock.new_id(), at=now, actor=username, kind="job.submitted")
    orders = [store.put_order(job_id, Order(number=number, spec=spec)) for number, spec in enumerate(specs, 1)]
    return [store.put_job(job, Absent()), store.put_trace(job), store.put_event(job_id, submitted), *orders]


def _job(specs: Sequence[OrderSpec], now: datetime, **named: Any) -> Job:
    return Job(
        **{"job_timeout": sum(spec.timeout for spec in specs), **named},
        status=JobStatus.QUEUED,
        created_at=now,
        states=STATE_LETTERS[OrderStatus.QUEUED] * len(specs),
        trace_id=new_trace_id(),
        look_at=now,
    )
