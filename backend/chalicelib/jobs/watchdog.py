"""The watchdog of one attempt that runs far away: asked again and again until nothing is left to watch."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from chalicelib.errors import NotFound
from chalicelib.jobs import callbacks, places, results, store
from chalicelib.jobs.decide import grace_of
from chalicelib.jobs.dispatching import assignment_of
from chalicelib.jobs.far import stop
from chalicelib.jobs.model import Job, Order, OrderStatus
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.objects import AlreadyThere
from chalicelib.wiring import Ports

SHORTEST, LONGEST = 15.0, 600.0
"""Seconds between two checks: a quarter of what has passed, so that week-long orders do not fill a history."""
DONE: Mapping[str, Any] = {"state": "done", "wait": 0}


def check(ports: Ports, orchestrator: Orchestrator, watched: Mapping[str, Any]) -> dict[str, Any]:
    """`watched` names an attempt: job_id, number, attempt. The answer: `state` done or waiting, `wait` seconds."""
    job_id, number, attempt = str(watched["job_id"]), int(watched["number"]), int(watched["attempt"])
    try:
        job = store.find_job(ports.documents, job_id)
    except NotFound:
        return dict(DONE)
    order = store.load_orders(ports.documents, job, [number]).get(number)
    if order is None or order.attempt != attempt or not order.live:
        return dict(DONE)
    now = ports.clock.now()
    # Asked before the result is looked for: one that was left just before the worker ended is there by then.
    gone = _why_gone(ports, order)
    key = places.result_key(job_id, number, attempt)
    if _is_there(ports, key):
        callbacks.take_up(ports, orchestrator, key)
    elif gone:
        _report_gone(ports, job, order, gone)
        orchestrator.look(job_id)
    elif (late := _late(order)) is not None and now >= late:
        _write_time_out(ports, key)
        stop(ports, job, order)
        callbacks.take_up(ports, orchestrator, key)
    else:
        return {"state": "waiting", "wait": _pause(order, now)}
    return dict(DONE)


def _why_gone(ports: Ports, order: Order) -> str:
    """What the provider says of the end of an order that it runs no more; empty while it may run."""
    provider = ports.providers.get(order.spec.target)
    if provider is None or not order.worker or order.status is not OrderStatus.RUNNING:
        return ""
    life = provider.poll(order.worker)
    return life.reason or "its worker is gone" if life.gone else ""


def _is_there(ports: Ports, key: str) -> bool:
    try:
        ports.objects.info(key)
    except NotFound:
        return False
    return True


def _report_gone(ports: Ports, job: Job, order: Order, why: str) -> None:
    report = results.report_of(
        ports,
        assignment_of(job, order),
        worker=order.worker,
        status=OrderStatus.FAILED,
        reason=f"ended without a result: {why}",
        started_at=order.started_at,
    )
    results.report(ports, job.job_id, report)


def _write_time_out(ports: Ports, key: str) -> None:
    """Written once: a result that comes at this very moment stands."""
    told = {"status": OrderStatus.TIMED_OUT.value, "log": "", "reason": "timeout"}
    try:
        ports.objects.put(key, orjson.dumps(told))
    except AlreadyThere:
        return


def _late(order: Order) -> datetime | None:
    if order.started_at is None:
        return None
    return order.started_at + timedelta(seconds=order.spec.timeout) + grace_of(order.spec.target)


def _pause(order: Order, now: datetime) -> int:
    since = order.started_at or order.dispatched_at or now
    pause = min(LONGEST, max(SHORTEST, (now - since).total_seconds() / 4))
    late = _late(order)
    left = (late - now).total_seconds() + 1 if late else pause
    return max(1, round(min(pause, left)))
