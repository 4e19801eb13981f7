"""What a caller can do with jobs. Pages, REST and the command line all end here.

A job of another tenant is NotFound; a viewer's write is NotAllowed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.tenants.standing import standing
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Delete, Range, VersionIs
from chalicelib.errors import Conflict, MillraceError, NotFound
from chalicelib.jobs import dag, duties, logs, slots, store, submitting
from chalicelib.jobs.actions import SHELL
from chalicelib.jobs.decide import waiting_reasons
from chalicelib.jobs.listing import MOST_EXAMINED
from chalicelib.jobs.logs import LogPart
from chalicelib.jobs.model import STATE_LETTERS, Event, Job, JobStatus, Order, OrderStatus
from chalicelib.jobs.orchestrator import board_of, why_held
from chalicelib.jobs.submission import WHOLE_JOB, JobRequest, parse_request
from chalicelib.jobs.wakeups import wake
from chalicelib.wiring import Ports

LINK_LASTS = timedelta(hours=1)
_TRIES = 10
_QUEUED = STATE_LETTERS[OrderStatus.QUEUED]


@dataclass(frozen=True, slots=True)
class EventPage:
    items: Sequence[Event]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """Order numbers: what stays as it is, and what runs again."""

    keeps: tuple[int, ...]
    reruns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BulkResult:
    job_id: str
    ok: bool
    detail: str


def submit(
    ports: Ports,
    caller: Caller,
    request: JobRequest,
    *,
    job_id: str | None = None,
    cloned_from: str = "",
    trace_id: str = "",
    leg: str = "",
) -> Job:
    """A new job, queued and about to be looked at. With the `job_id` of an earlier submission, that one's job."""
    require(caller, Permission.JOBS_WRITE)
    job = submitting.create(
        ports,
        caller,
        request,
        job_id=job_id or ports.clock.new_id(),
        cloned_from=cloned_from,
        trace_id=trace_id,
        leg=leg,
    )
    wake(ports, job.job_id, tenant_id=job.tenant_id)
    if duties.at_change(job):
        duties.wake(ports, job)
    return job


def exists(ports: Ports, job_id: str) -> bool:
    """Whoever's it is."""
    return ports.documents.get(store.job_key(job_id)) is not None


def get_job(ports: Ports, caller: Caller, job_id: str) -> Job:
    require(caller, Permission.JOBS_READ)
    job = store.find_job(ports.documents, job_id)
    if job.tenant_id != caller.tenant_id:
        raise NotFound(f"There is no job {job_id}.")
    return job


def get_orders(ports: Ports, caller: Caller, job_id: str) -> list[Order]:
    """All orders in order of number; the `reason` of those that wait says what for."""
    return orders_of(ports, get_job(ports, caller, job_id))


def orders_of(ports: Ports, job: Job) -> list[Order]:
    orders = store.load_all_orders(ports.documents, job)
    if job.status.ended:
        return orders
    tenant = standing(ports.documents, job.tenant_id)
    free_slots = slots.free(ports.documents, job, tenant.limits.concurrency)
    board = board_of(job, orders, why_held=why_held(job, tenant), room=None if free_slots is None else len(free_slots))
    reasons = dict(waiting_reasons(board, lambda number: orders[number - 1].name, ports.clock.now()))
    return [replace(each, reason=reasons[each.number]) if each.number in reasons else each for each in orders]


def get_order(ports: Ports, caller: Caller, job_id: str, number: int) -> Order:
    job = get_job(ports, caller, job_id)
    found = store.load_orders(ports.documents, job, [number]) if 1 <= number <= job.order_count else {}
    if number not in found:
        raise NotFound(f"Job {job_id} has no order {number:04d}; it has {job.order_count}.")
    return found[number]


def list_events(
    ports: Ports,
    caller: Caller,
    job_id: str,
    *,
    limit: int = 100,
    cursor: str | None = None,
    newest_first: bool = False,
    order_name: str | None = None,
) -> EventPage:
    """Of all of the job, of the order with a name, or (`_job`) of none. Looks through a bounded number for a page."""
    job = get_job(ports, caller, job_id)
    wanted = _chosen(ports, job, order_name)
    found: list[Event] = []
    examined = 0
    while True:
        page = ports.documents.query(
            store.partition(job_id),
            Range(prefix="event#"),
            limit=limit - len(found),
            cursor=cursor,
            descending=newest_first,
        )
        examined += len(page.items)
        found += filter(wanted, map(store.to_event, page.items))
        cursor = page.cursor
        if cursor is None or not order_name or len(found) >= limit or examined >= MOST_EXAMINED:
            return EventPage(found, cursor)


def _chosen(ports: Ports, job: Job, order_name: str | None) -> Callable[[Event], bool]:
    if not order_name:
        return lambda _: True
    if order_name == WHOLE_JOB:
        return lambda event: event.order_number is None
    for each in store.load_all_orders(ports.documents, job):
        if order_name == each.name:
            return lambda event: event.order_number == each.number
    raise NotFound(f"There is no order `{order_name}` in this job.")


def cancel(ports: Ports, caller: Caller, job_id: str) -> Job:
    """Ask for the end of a job. What runs is stopped within seconds; the job then ends as cancelled."""
    require(caller, Permission.JOBS_WRITE)
    for _ in range(_TRIES):
        job = get_job(ports, caller, job_id)
        if job.status.ended:
            raise Conflict(f"The job has ended already: it is {job.status}.")
        if job.cancel_requested_by:
            return job
        after = replace(job, cancel_requested_by=caller.email, reason=f"cancelled by {caller.email}")
        if _save(ports, caller, job, after, kind="job.cancel_requested", action="job.cancel"):
            wake(ports, job_id, tenant_id=job.tenant_id)
            return replace(after, version=job.version + 1)
    raise _busy()


def pause(ports: Ports, caller: Caller, job_id: str) -> Job:
    """Nothing more of it is started, and what can stop in between does."""
    return _set_paused(ports, caller, job_id, by=caller.email, reason=f"paused by {caller.email}")


def resume(ports: Ports, caller: Caller, job_id: str) -> Job:
    return _set_paused(ports, caller, job_id, by="", reason="")


def _set_paused(ports: Ports, caller: Caller, job_id: str, *, by: str, reason: str) -> Job:
    require(caller, Permission.JOBS_WRITE)
    kind, action = ("job.paused", "job.pause") if by else ("job.resumed", "job.resume")
    for _ in range(_TRIES):
        job = get_job(ports, caller, job_id)
        if job.status.ended or job.cancel_requested_by:
            raise Conflict(f"The job is {job.status}: it cannot be paused or resumed any more.")
        if bool(job.paused_by) == bool(by):
            return job
        after = replace(job, paused_by=by, reason=reason, look_at=ports.clock.now())
        if _save(ports, caller, job, after, kind=kind, action=action):
            wake(ports, job_id, tenant_id=job.tenant_id)
            return replace(after, version=job.version + 1)
    raise _busy()


def is_paused(ports: Ports, job_id: str) -> bool:
    return bool(store.find_job(ports.documents, job_id).paused_by)


def is_open(ports: Ports, job_id: str) -> bool:
    """For work in the background, which has no caller. A job that was deleted is not open."""
    try:
        return not store.find_job(ports.documents, job_id).status.ended
    except NotFound:
        return False


def belongs_to(ports: Ports, job_id: str, tenant_id: str) -> bool:
    """For work in the background, which has no caller. Raises NotFound."""
    return store.find_job(ports.documents, job_id).tenant_id == tenant_id


def retry_plan(ports: Ports, caller: Caller, job_id: str, *, from_order: int | None = None) -> RetryPlan:
    """What a retry would keep and rerun: an order and all behind it, or else whatever did not succeed."""
    return _plan_retry(ports, get_job(ports, caller, job_id), from_order)


def retry(
    ports: Ports,
    caller: Caller,
    job_id: str,
    *,
    from_order: int | None = None,
    roots: Sequence[int] | None = None,
) -> Job:
    """Run part of an ended job again, in place: attempts and history go on. `roots` are several such orders."""
    require(caller, Permission.JOBS_WRITE)
    for _ in range(_TRIES):
        job = get_job(ports, caller, job_id)
        plan = _plan_retry(ports, job, from_order, roots)
        states = list(job.states)
        for number in plan.reruns:
            states[number - 1] = _QUEUED
        after = replace(
            job,
            status=JobStatus.QUEUED,
            states="".join(states),
            reason="",
            started_at=None,
            ended_at=None,
            deadline=None,
            warnings=0,
            cancel_requested_by="",
            paused_by="",
            look_at=ports.clock.now(),
        )
        told = f"{len(plan.reruns)} orders run again, {len(plan.keeps)} are kept"
        if _save(ports, caller, job, after, kind="job.retried", action="job.retry", message=told):
            wake(ports, job_id, tenant_id=job.tenant_id)
            return replace(after, version=job.version + 1)
    raise _busy()


def _plan_retry(ports: Ports, job: Job, from_order: int | None, several: Sequence[int] | None = None) -> RetryPlan:
    if not job.status.ended:
        raise Conflict(f"The job is {job.status}; it can be retried once it has ended.")
    if from_order is not None and not 1 <= from_order <= job.order_count:
        raise NotFound(f"The job has no order {from_order}; it has {job.order_count}.")
    orders = store.load_all_orders(ports.documents, job)
    roots = [each.number for each in orders if each.status is not OrderStatus.SUCCEEDED]
    if from_order is not None:
        roots = [from_order]
    if several is not None:
        roots = list(several)
    if not roots:
        raise Conflict("Every order succeeded; say from which one to run again.")
    again = dag.descendants([each.spec.dependencies for each in orders], roots)
    if from_order is not None:
        again |= _needed_before(orders, again)
    keeps = tuple(each.number for each in orders if each.number not in again)
    return RetryPlan(keeps, tuple(sorted(again)))


def _needed_before(orders: Sequence[Order], again: set[int]) -> set[int]:
    """Dependencies that never succeeded must run too, or what waits for them could not."""
    found: set[int] = set()
    ahead = list(again)
    while ahead:
        for each in orders[ahead.pop() - 1].spec.dependencies:
            if each not in again | found and orders[each - 1].status is not OrderStatus.SUCCEEDED:
                found.add(each)
                ahead.append(each)
    return found | (dag.descendants([each.spec.dependencies for each in orders], sorted(found)) if found else set())


def submission_of(ports: Ports, caller: Caller, job_id: str) -> dict[str, Any]:
    """The job as a submission again. Secrets are there by name, with empty values."""
    job, orders = _submitted(ports, caller, job_id)
    return submitting.as_submission(job, orders)


def _submitted(ports: Ports, caller: Caller, job_id: str) -> tuple[Job, list[Order]]:
    """Raises Conflict for a job that nobody submitted."""
    job = get_job(ports, caller, job_id)
    orders = store.load_all_orders(ports.documents, job)
    if any(each.spec.action != SHELL for each in orders):
        raise Conflict("Millrace made this job itself; it can be retried, but not submitted again.")
    return job, orders


def clone(
    ports: Ports, caller: Caller, job_id: str, changes: Mapping[str, Any], *, new_job_id: str | None = None
) -> Job:
    """Submit it again with some fields replaced. Secrets left empty keep the values they had in the original."""
    require(caller, Permission.JOBS_WRITE)
    job, orders = _submitted(ports, caller, job_id)
    request = parse_request({**submitting.as_submission(job, orders), **changes})
    filled = submitting.with_secrets_of(ports.vault, request, orders)
    return submit(ports, caller, filled, job_id=new_job_id, cloned_from=job_id)


def delete(ports: Ports, caller: Caller, job_id: str) -> None:
    """Remove an ended job with its history, logs and artifacts."""
    require(caller, Permission.JOBS_WRITE)
    job = get_job(ports, caller, job_id)
    if not job.status.ended:
        raise Conflict(f"The job is {job.status}; cancel it first.")
    before = {"name": job.name, "status": job.status.value, "orders": job.order_count}
    recorded = entry(ports.clock, caller, "job.delete", f"job/{job_id}", before=before)
    try:
        gone = Delete(store.job_key(job_id), [VersionIs(job.version)])
        ports.documents.transact([gone, Delete(store.trace_key(job)), recorded])
    except ConditionFailed:
        raise Conflict("Somebody changed the job meanwhile; look at it again.") from None
    submitting.sweep(ports, job_id, job.tenant_id)


def bulk(ports: Ports, caller: Caller, action: Literal["cancel", "delete"], job_ids: Sequence[str]) -> list[BulkResult]:
    """The same for many jobs; one result each, and one that cannot be done stops none of the others."""
    require(caller, Permission.JOBS_WRITE)
    act = cancel if action == "cancel" else delete
    return [_one_of_many(act, ports, caller, job_id) for job_id in dict.fromkeys(job_ids)]


def _one_of_many(act: Any, ports: Ports, caller: Caller, job_id: str) -> BulkResult:
    try:
        act(ports, caller, job_id)
    except MillraceError as error:
        return BulkResult(job_id, ok=False, detail=error.detail)
    return BulkResult(job_id, ok=True, detail="")


def read_log(
    ports: Ports,
    caller: Caller,
    job_id: str,
    number: int,
    *,
    attempt: int | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> LogPart:
    """The log of an attempt (the latest unless named) from `offset` bytes on, as far as it is there."""
    order = get_order(ports, caller, job_id, number)
    wanted = order.attempt if attempt is None else attempt
    if attempt is not None and not 1 <= attempt <= order.attempt:
        raise NotFound(f"Order {number:04d} has no attempt {attempt}; it has had {order.attempt}.")
    text, reaches_end = logs.read_log(
        ports.objects, caller.tenant_id, job_id, number, wanted, offset=offset, limit=limit
    )
    over = wanted < order.attempt or order.status.ended
    return LogPart(text, offset + len(text), complete=over and reaches_end)


def log_link(ports: Ports, caller: Caller, job_id: str, number: int, *, attempt: int | None = None) -> str:
    """A link that downloads the whole log of an ended attempt without signing in, for an hour."""
    order = get_order(ports, caller, job_id, number)
    wanted = order.attempt if attempt is None else attempt
    if not 1 <= wanted <= order.attempt:
        raise NotFound(f"Order {number:04d} has no attempt {wanted}; it has had {order.attempt}.")
    if wanted == order.attempt and not order.status.ended:
        raise Conflict("The log is still being written; read it in parts, or download it when the attempt has ended.")
    logs.make_whole(ports.objects, caller.tenant_id, job_id, number, wanted)
    key = logs.whole_key(caller.tenant_id, job_id, number, wanted)
    return ports.objects.get_link(key, lasts=LINK_LASTS, filename=f"order-{number:04d}-attempt-{wanted}.log")


def artifact_link(ports: Ports, caller: Caller, job_id: str, number: int, path: str) -> str:
    """A link that downloads it without signing in, for an hour."""
    order = get_order(ports, caller, job_id, number)
    for each in order.artifacts:
        if each.path == path:
            return ports.objects.get_link(each.object, lasts=LINK_LASTS, filename=path.rsplit("/", 1)[-1])
    raise NotFound(f"Order {number:04d} left no file `{path}`.")


def _save(ports: Ports, caller: Caller, before: Job, after: Job, *, kind: str, action: str, message: str = "") -> bool:
    """Write the job with a line of its history; False when somebody else wrote it first."""
    event = Event(event_id=ports.clock.new_id(), at=ports.clock.now(), actor=caller.email, kind=kind, message=message)
    was = {"status": before.status.value, "cancel_requested_by": before.cancel_requested_by}
    is_ = {"status": after.status.value, "cancel_requested_by": after.cancel_requested_by, "told": message}
    recorded = entry(ports.clock, caller, action, f"job/{after.job_id}", before=was, after=is_)
    try:
        ports.documents.transact([store.put_job(after), store.put_event(after.job_id, event), recorded])
    except ConditionFailed:
        return False
    return True


def _busy() -> Conflict:
    return Conflict("The job is changing too fast just now; try again.")
