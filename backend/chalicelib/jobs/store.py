"""Where jobs live in the documents port: keys, bodies, and back. Only the jobs feature imports this.

A job's partition `job#<id>` holds `job`, `order#0001`..., `event#<time>#<id>`, `lock`, and `result#0001` while a
reported result waits for the orchestrator. `Job.states` is the truth about which orders are queued; an order's own
document is the truth about the rest. So a retry of 1,000 orders is one write.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from chalicelib.clock import from_text, to_text
from chalicelib.documents import (
    Condition,
    Document,
    Documents,
    Index,
    Json,
    Key,
    Put,
    Range,
    Update,
    VersionIs,
)
from chalicelib.errors import NotFound
from chalicelib.jobs.model import (
    ORDER_ENDS,
    STATUS_OF_LETTER,
    Artifact,
    Attempt,
    Event,
    Job,
    JobStatus,
    Order,
    OrderSpec,
    OrderStatus,
    Report,
    RunWhen,
    Target,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

JOB = "job"
LOCK = "lock"
DRAFT = "draft"
OPEN_JOBS = "open-jobs"
EVENTS_LAST = timedelta(days=90)


def partition(job_id: str) -> str:
    return f"job#{job_id}"


def job_key(job_id: str) -> Key:
    return Key(partition(job_id), JOB)


def lock_key(job_id: str) -> Key:
    return Key(partition(job_id), LOCK)


def order_key(job_id: str, number: int) -> Key:
    return Key(partition(job_id), f"order#{number:04d}")


def result_key(job_id: str, number: int) -> Key:
    return Key(partition(job_id), f"result#{number:04d}")


def draft_key(job_id: str) -> Key:
    return Key(partition(job_id), DRAFT)


def runner_partition(worker: str) -> str:
    return f"runner#{worker}"


def runner_key(worker: str, job_id: str, number: int) -> Key:
    return Key(runner_partition(worker), f"{job_id}#{number:04d}")


def mutex_key(tenant_id: str, queue_id: str) -> Key:
    return Key(f"mutex#{tenant_id}#{queue_id}", "holder")


def mutex_waiter_key(tenant_id: str, queue_id: str, job_id: str) -> Key:
    return Key(f"mutex#{tenant_id}#{queue_id}", f"waiter#{job_id}")


def tenant_index(tenant_id: str) -> str:
    return f"jobs#{tenant_id}"


def status_index(tenant_id: str, status: JobStatus) -> str:
    return f"jobs#{tenant_id}#{status}"


def put_job(job: Job, *conditions: Condition) -> Put:
    born = f"{to_text(job.created_at)}#{job.job_id}"
    indexes = {
        Index.FIRST: Key(tenant_index(job.tenant_id), born),
        Index.SECOND: Key(status_index(job.tenant_id, job.status), born),
    }
    if job.look_at and not job.status.ended:
        indexes[Index.THIRD] = Key(OPEN_JOBS, f"{to_text(job.look_at)}#{job.job_id}")
    return Put(job_key(job.job_id), job_body(job), conditions or (VersionIs(job.version),), indexes)


def trace_partition(tenant_id: str, trace_id: str) -> str:
    return f"trace#{tenant_id}#{trace_id}"


def trace_key(job: Job) -> Key:
    return Key(trace_partition(job.tenant_id, job.trace_id), f"{to_text(job.created_at)}#{job.job_id}")


def put_trace(job: Job) -> Put:
    """By it the jobs of a trace are found, which no index knows."""
    return Put(trace_key(job), {"job_id": job.job_id})


def put_draft(job_id: str, tenant_id: str, *, until: datetime) -> Put:
    """Marks orders whose job is not there yet. Found among the open jobs once `until` has passed."""
    found_at = Key(OPEN_JOBS, f"{to_text(until)}#{job_id}")
    return Put(draft_key(job_id), {"tenant_id": tenant_id}, indexes={Index.THIRD: found_at})


def due(documents: Documents, now: datetime, *, limit: int) -> list[Document]:
    """Documents of open jobs, and abandoned drafts, that want to be looked at."""
    return list(documents.query_index(Index.THIRD, OPEN_JOBS, Range(end=to_text(now)), limit=limit).items)


def put_order(job_id: str, order: Order) -> Put:
    return Put(order_key(job_id, order.number), order_body(order))


def update_order(job_id: str, order: Order) -> Update:
    """Writes all but the specification, if nobody wrote it since `order` was read."""
    return Update(order_key(job_id, order.number), order_state(order), conditions=[VersionIs(order.version)])


def put_event(job_id: str, event: Event) -> Put:
    key = Key(partition(job_id), f"event#{to_text(event.at)}#{event.event_id}")
    return Put(key, _plain(event), expires=event.at + EVENTS_LAST)


def find_job(documents: Documents, job_id: str) -> Job:
    """Raises NotFound."""
    found = documents.get(job_key(job_id)) if job_id.isalnum() else None
    if found is None:
        raise NotFound(f"There is no job {job_id}.")
    return to_job(found)


def load_orders(documents: Documents, job: Job, numbers: Iterable[int]) -> dict[int, Order]:
    wanted = list(numbers)
    found = documents.get_many([order_key(job.job_id, number) for number in wanted])
    return {
        number: _as_of(job, to_order(document))
        for number, document in zip(wanted, found, strict=True)
        if document is not None
    }


def load_all_orders(documents: Documents, job: Job) -> list[Order]:
    within = Range(prefix="order#")
    return [
        _as_of(job, to_order(each))
        for each in every(documents, partition(job.job_id), within)
        if to_number(each) <= job.order_count
    ]


def every(documents: Documents, partition: str, within: Range) -> Iterator[Document]:
    cursor: str | None = None
    while True:
        page = documents.query(partition, within, limit=1000, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def to_number(document: Document) -> int:
    """The order's number in the sort key of its documents."""
    return int(document.key.sort.split("#")[1])


def _as_of(job: Job, order: Order) -> Order:
    """The order as the job's states have it: one that a retry reset is queued, whatever its last attempt left."""
    queued = STATUS_OF_LETTER[job.states[order.number - 1]] is OrderStatus.QUEUED
    if not queued or order.status not in ORDER_ENDS:
        return order
    return replace(
        order,
        status=OrderStatus.QUEUED,
        reason="",
        tries=0,
        losses=0,
        not_before=None,
        dispatched_at=None,
        started_at=None,
        ended_at=None,
        worker="",
        stop_asked_at=None,
        exit_code=None,
        artifacts=(),
    )


def job_body(job: Job) -> Json:
    body = _plain(job)
    del body["version"]
    return body


def to_job(document: Document) -> Job:
    body = dict(document.body)
    for name in ("created_at", "started_at", "ended_at", "deadline", "look_at"):
        body[name] = _time(body[name])
    body["status"] = JobStatus(body["status"])
    return Job(**body, version=document.version)


def size_of(order: Order) -> int:
    """Bytes of JSON."""
    return len(orjson.dumps(order_body(order)))


def order_body(order: Order) -> Json:
    return {"number": order.number, "spec": _plain(order.spec), **order_state(order)}


def order_state(order: Order) -> dict[str, Any]:
    """`live` is the attempt that may still report, 0 when none may: the fence that results are checked against."""
    live = order.attempt if order.live else 0
    state = _plain(order)
    del state["number"], state["spec"], state["version"]
    state["attempts"] = [_plain(each) for each in order.attempts]
    state["artifacts"] = [_plain(each) for each in order.artifacts]
    return {"live": live, **state}


def to_order(document: Document) -> Order:
    body = document.body
    state = {name: body[name] for name in _STATE_FIELDS if name in body}
    for name in ("not_before", "dispatched_at", "started_at", "ended_at", "stop_asked_at"):
        state[name] = _time(state[name])
    state["status"] = OrderStatus(state["status"])
    state["attempts"] = tuple(_to_attempt(each) for each in body["attempts"])
    state["artifacts"] = tuple(Artifact(**each) for each in body["artifacts"])
    return Order(number=body["number"], spec=_to_spec(body["spec"]), version=document.version, **state)


def to_event(document: Document) -> Event:
    return Event(**{**document.body, "at": from_text(document.body["at"])})


def _to_spec(body: Json) -> OrderSpec:
    return OrderSpec(**{**body, "run_when": RunWhen(body["run_when"]), "target": Target(body["target"])})


def _to_attempt(body: Json) -> Attempt:
    times = {name: _time(body[name]) for name in ("started_at", "ended_at")}
    return Attempt(**{**body, **times, "status": OrderStatus(body["status"])})


def _plain(value: "DataclassInstance") -> dict[str, Any]:
    """One level of fields: `dataclasses.asdict` copies all below them too, at ten times the cost."""
    fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: to_text(each) if isinstance(each, datetime) else each for name, each in fields.items()}


def _time(text: str | None) -> datetime | None:
    return from_text(text) if text else None


_STATE_FIELDS = tuple(name for name in Order.__dataclass_fields__ if name not in ("number", "spec", "version"))


def report_body(report: Report) -> Json:
    return {**_plain(report), "artifacts": [_plain(each) for each in report.artifacts]}


def to_report(document: Document) -> Report:
    body = dict(document.body)
    return Report(
        **{
            **body,
            "status": OrderStatus(body["status"]),
            "started_at": _time(body["started_at"]),
            "ended_at": from_text(body["ended_at"]),
            "artifacts": tuple(Artifact(**each) for each in body["artifacts"]),
        }
    )
