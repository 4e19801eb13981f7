"""The list of jobs, and what is done to many of them at once."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Invalid
from chalicelib.exchange import Answer
from chalicelib.jobs import operations
from chalicelib.jobs.listing import JobFilters, list_jobs
from chalicelib.jobs.model import JobStatus
from frontend.door import PagesDoor
from frontend.examples import examples
from frontend.views.job import job_line
from frontend.views.words import JOB_LOOKS, count
from frontend.visit import Pages, Visit

browsing = Pages(__name__, PagesDoor())

KINDS = ("shell", "generation", "export", "scoring", "seeds", "teardown")
FILTERS = ("text", "status", "kind", "since", "until")
PAGE = 50
ACTIONS: Mapping[str, Literal["cancel", "delete"]] = {"cancel": "cancel", "delete": "delete"}
STATUSES = {status.value: status for status in JobStatus}


@browsing.page("/jobs", permission=Permission.JOBS_READ)
def jobs(visit: Visit) -> Answer:
    given = {name: visit.request.first(name) for name in FILTERS}
    cursor = visit.request.first("cursor")
    page = list_jobs(visit.ports, visit.caller, _filters(given), limit=PAGE, cursor=cursor or None)
    lines = [job_line(each, visit.now) for each in page.items]
    return visit.page(
        "jobs.html",
        lines=lines,
        filters=given,
        filtered=any(given.values()) or bool(cursor),
        statuses=[(status.value, look.word) for status, look in JOB_LOOKS.items()],
        kinds=KINDS,
        refresh=any(not line.ended for line in lines),
        self_url=visit.url("/jobs", **given, cursor=cursor),
        next_url=visit.url("/jobs", **given, cursor=page.cursor) if page.cursor else "",
        first_url=visit.url("/jobs", **given) if cursor else "",
        example=examples()[0],
    )


def _filters(given: dict[str, str]) -> JobFilters:
    """Dates are whole days in UTC; what cannot be read filters nothing."""
    until = _day(given["until"])
    return JobFilters(
        status=STATUSES.get(given["status"]),
        kind=given["kind"] or None,
        text=given["text"].strip()[:200] or None,
        since=_day(given["since"]),
        until=until + timedelta(days=1) if until else None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


@browsing.page("/jobs/bulk", methods=("POST",), permission=Permission.JOBS_WRITE)
def bulk(visit: Visit) -> Answer:
    action = ACTIONS.get(visit.form.text("action"))
    if action is None:
        raise Invalid("Choose what to do with the jobs: cancel or delete.")
    job_ids = visit.form.all("job")
    if action == "delete" and job_ids and not visit.form.text("sure"):
        found = [operations.get_job(visit.ports, visit.caller, job_id) for job_id in job_ids]
        return visit.page("bulk_delete.html", jobs=found)
    results = operations.bulk(visit.ports, visit.caller, action, job_ids)
    done = sum(each.ok for each in results)
    lead = f"{done} of {count(len(results), 'job')} done." if results else "No job was selected; tick those you mean."
    heading = "Cancel jobs" if action == "cancel" else "Delete jobs"
    return visit.page("bulk.html", heading=heading, lead=lead, results=results)
