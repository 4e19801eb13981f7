"""Jobs, orders and events as the API shows them: plain dicts whose types OpenAPI reads."""

from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import quote

from typing_extensions import TypedDict

from chalicelib.documents import Json
from chalicelib.jobs.model import Attempt, Event, Job, Order, tally


class JobJson(TypedDict):
    """`counts` has the number of orders in each status that occurs; `warnings` counts optional orders that failed."""

    job_id: str
    status: str
    kind: str
    name: str
    username: str
    reason: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline: datetime | None
    job_timeout: int
    max_parallel: int
    priority: int
    flow_label: str
    trace_id: str
    warnings: int
    counts: dict[str, int]
    done_count: int
    order_count: int


_STORED = tuple(name for name in JobJson.__annotations__ if name not in ("counts", "done_count", "order_count"))
_pick = itemgetter(*_STORED)


class AttemptJson(TypedDict):
    number: int
    status: str
    reason: str
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None


class ArtifactJson(TypedDict):
    """`href` leads to a link that downloads the file."""

    path: str
    size: int
    href: str


class OrderJson(TypedDict):
    """`reason` says why it waits, failed or was skipped; `waiting_for` is the same while it waits, else empty."""

    order_num: str
    order_name: str
    action: str
    status: str
    reason: str
    waiting_for: str
    dependencies: list[str]
    must_succeed: bool
    run_when: str
    execution_target: str
    timeout: int
    retries: int
    queue_id: str | None
    attempt: int
    attempts: list[AttemptJson]
    not_before: datetime | None
    dispatched_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    artifacts: list[ArtifactJson]


class JobWithOrdersJson(JobJson):
    orders: list[OrderJson]


class JobPageJson(TypedDict):
    """`cursor` continues the list, and is null on its last page."""

    items: list[JobJson]
    cursor: str | None


class EventJson(TypedDict):
    """One line of a job's history. `order_num` is null for what concerns the whole job."""

    event_id: str
    at: datetime
    actor: str
    kind: str
    order_num: str | None
    attempt: int | None
    message: str


class EventPageJson(TypedDict):
    """`cursor` continues the list, and is null on its last page."""

    items: list[EventJson]
    cursor: str | None


class ArtifactListJson(TypedDict):
    items: list[ArtifactJson]


class RetryPlanJson(TypedDict):
    """Numbers of the orders whose results a retry keeps, and of those that it runs again."""

    keeps: list[str]
    reruns: list[str]


class BulkResultJson(TypedDict):
    job_id: str
    ok: bool
    detail: str


class BulkJson(TypedDict):
    """One result for each job, in the order asked."""

    items: list[BulkResultJson]


def job_json(job: Job) -> JobJson:
    counts, done = _tally(job.states)
    return {
        "job_id": job.job_id,
        "status": job.status,
        "kind": job.kind,
        "name": job.name,
        "username": job.username,
        "reason": job.reason,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "deadline": job.deadline,
        "job_timeout": job.job_timeout,
        "max_parallel": job.max_parallel,
        "priority": job.priority,
        "flow_label": job.flow_label,
        "trace_id": job.trace_id,
        "warnings": job.warnings,
        "counts": counts,
        "done_count": done,
        "order_count": len(job.states),
    }


def stored_job_json(body: Json) -> dict[str, Any]:
    """The same from a stored job, whose times are text already: a list makes fifty of these."""
    counts, done = _tally(body["states"])
    shown = dict(zip(_STORED, _pick(body), strict=False))
    shown["counts"], shown["done_count"], shown["order_count"] = counts, done, len(body["states"])
    return shown


@lru_cache(maxsize=4096)
def _tally(states: str) -> tuple[dict[str, int], int]:
    """How many orders are in each status, and how many have ended."""
    counts = tally(states)
    return {status.value: n for status, n in counts.items()}, sum(n for status, n in counts.items() if status.ended)


def order_json(job_id: str, order: Order, base: str) -> OrderJson:
    spec = order.spec
    return {
        "order_num": number_text(order.number),
        "order_name": spec.name,
        "action": spec.action,
        "status": order.status,
        "reason": order.reason,
        "waiting_for": "" if order.status.ended else order.reason,
        "dependencies": [number_text(number) for number in spec.dependencies],
        "must_succeed": spec.must_succeed,
        "run_when": spec.run_when,
        "execution_target": spec.target,
        "timeout": spec.timeout,
        "retries": spec.retries,
        "queue_id": spec.queue_id,
        "attempt": order.attempt,
        "attempts": [_attempt(each) for each in order.attempts],
        "not_before": order.not_before,
        "dispatched_at": order.dispatched_at,
        "started_at": order.started_at,
        "ended_at": order.ended_at,
        "exit_code": order.exit_code,
        "artifacts": artifacts_json(job_id, order, base),
    }


def _attempt(attempt: Attempt) -> AttemptJson:
    return {
        "number": attempt.number,
        "status": attempt.status,
        "reason": attempt.reason,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "exit_code": attempt.exit_code,
    }


def artifacts_json(job_id: str, order: Order, base: str) -> list[ArtifactJson]:
    folder = f"{base}/api/jobs/{job_id}/orders/{number_text(order.number)}/artifacts"
    return [
        {"path": each.path, "size": each.size, "href": f"{folder}/{quote(each.path, safe='')}"}
        for each in order.artifacts
    ]


def job_with_orders(job: Job, orders: list[Order], base: str) -> JobWithOrdersJson:
    return {**job_json(job), "orders": [order_json(job.job_id, each, base) for each in orders]}


def event_json(event: Event) -> EventJson:
    return {
        "event_id": event.event_id,
        "at": event.at,
        "actor": event.actor,
        "kind": event.kind,
        "order_num": number_text(event.order_number) if event.order_number else None,
        "attempt": event.attempt,
        "message": event.message,
    }


def number_text(number: int) -> str:
    return f"{number:04d}"
