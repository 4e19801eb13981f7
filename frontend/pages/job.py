"""A job's own page and what can be done to it."""

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import NotFound
from chalicelib.exchange import Answer
from chalicelib.jobs import operations
from chalicelib.jobs.model import Job
from frontend.door import PagesDoor
from frontend.views.job import history, job_page, plan_rows
from frontend.views.words import duration, exact
from frontend.visit import Pages, Visit

job = Pages(__name__, PagesDoor())

HISTORY_SHOWN = 30
HISTORY_PAGE = 200
MANY_ORDERS = 60
"""From here on what stands beside the table comes before it."""
MOST_EVERY_SECOND = 300


@job.page("/jobs/{job_id}", permission=Permission.JOBS_READ)
def job_view(visit: Visit, job_id: str) -> Answer:
    found = operations.get_job(visit.ports, visit.caller, job_id)
    tag = state_tag(visit, found, _drawn(visit, found))
    if visit.has(tag):
        return visit.unchanged(tag)
    orders = operations.orders_of(visit.ports, found)
    events = operations.list_events(visit.ports, visit.caller, job_id, limit=HISTORY_SHOWN, newest_first=True)
    page = job_page(found, orders, visit.now)
    return visit.page(
        "job.html",
        headers={"ETag": tag},
        page=page,
        history=history(events.items, orders),
        history_more=events.cursor is not None,
        orders_url=visit.url(f"/jobs/{job_id}/orders/"),
        stopping=bool(found.cancel_requested_by),
        every="1s" if len(orders) <= MOST_EVERY_SECOND else "3s",
        many=len(orders) > MANY_ORDERS,
        tone=page.line.look.tone,
        facts=_facts(found),
    )


def state_tag(visit: Visit, job: Job, drawn: str = "") -> str:
    """Changes with all that a job's pages show: decisions are in the job, what workers begin is in the history."""
    latest = operations.list_events(visit.ports, visit.caller, job.job_id, limit=1, newest_first=True).items
    return f'"{job.version}-{latest[0].event_id if latest else ""}{drawn}"'


def _drawn(visit: Visit, job: Job) -> str:
    """The bars of a running job grow with time alone: a small one is drawn every second, a large one now and then."""
    pause = 1 if job.order_count <= MANY_ORDERS else 5
    return "" if job.status.ended else f"-{visit.now.timestamp() // pause:.0f}"


def _facts(job: Job) -> list[tuple[str, str]]:
    facts = [("Id", job.job_id), ("Submitted by", job.username), ("Submitted", exact(job.created_at))]
    if job.started_at:
        facts.append(("Started", exact(job.started_at)))
    if job.ended_at:
        facts.append(("Ended", exact(job.ended_at)))
    facts += [("Time limit", duration(job.job_timeout)), ("Side by side", f"at most {job.max_parallel} orders")]
    if job.priority:
        facts.append(("Priority", str(job.priority)))
    return facts


@job.page("/jobs/{job_id}/history", permission=Permission.JOBS_READ)
def whole_history(visit: Visit, job_id: str) -> Answer:
    found = operations.get_job(visit.ports, visit.caller, job_id)
    cursor = visit.request.first("cursor") or None
    page = operations.list_events(visit.ports, visit.caller, job_id, limit=HISTORY_PAGE, cursor=cursor)
    return visit.page(
        "history.html",
        job=found,
        job_url=visit.url(f"/jobs/{job_id}"),
        orders_url=visit.url(f"/jobs/{job_id}/orders/"),
        history=history(page.items, operations.orders_of(visit.ports, found)),
        next_url=visit.url(f"/jobs/{job_id}/history", cursor=page.cursor) if page.cursor else "",
    )


@job.page("/jobs/{job_id}/cancel", methods=("POST",), permission=Permission.JOBS_WRITE)
def cancel(visit: Visit, job_id: str) -> Answer:
    operations.cancel(visit.ports, visit.caller, job_id)
    return visit.go_to(f"/jobs/{job_id}", did="cancelled")


@job.page("/jobs/{job_id}/retry", permission=Permission.JOBS_WRITE)
def retry_form(visit: Visit, job_id: str) -> Answer:
    found = operations.get_job(visit.ports, visit.caller, job_id)
    start = _from_order(visit)
    plan = operations.retry_plan(visit.ports, visit.caller, job_id, from_order=start)
    orders = operations.orders_of(visit.ports, found)
    lead = f"From {orders[start - 1].name} on." if start else "What succeeded is kept; the rest runs again."
    return visit.page(
        "retry.html",
        job=found,
        job_path=f"/jobs/{job_id}",
        job_url=visit.url(f"/jobs/{job_id}"),
        orders_url=visit.url(f"/jobs/{job_id}/orders/"),
        from_order=start,
        lead=lead,
        reruns=plan_rows(orders, plan.reruns, visit.now),
        keeps=plan_rows(orders, plan.keeps, visit.now),
    )


@job.page("/jobs/{job_id}/retry", methods=("POST",), permission=Permission.JOBS_WRITE)
def retry(visit: Visit, job_id: str) -> Answer:
    operations.retry(visit.ports, visit.caller, job_id, from_order=_from_order(visit))
    return visit.go_to(f"/jobs/{job_id}", did="retried")


def _from_order(visit: Visit) -> int | None:
    text = visit.request.first("from")
    return order_number(text) if text else None


def order_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:  # noqa: PLR2004 - more orders than any job
        raise NotFound(f"There is no order {text[:20]}.")
    return int(text)


@job.page("/jobs/{job_id}/delete", methods=("POST",), permission=Permission.JOBS_WRITE)
def delete(visit: Visit, job_id: str) -> Answer:
    operations.delete(visit.ports, visit.caller, job_id)
    return visit.go_to("/jobs", did="deleted")
