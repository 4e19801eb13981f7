"""Jobs over REST."""

from typing import Any

from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import read_json
from chalicelib.errors import Invalid, NotFound
from chalicelib.exchange import JSON, Answer, Request, dump, json_answer, no_content, redirect, text_answer
from chalicelib.generation.jobs import operations as generation
from chalicelib.generation.jobs.cloning import clone as clone_any
from chalicelib.generation.jobs.editing import edit
from chalicelib.generation.jobs.request import GenerationChanges, GenerationRequest, is_generation, parse_generation
from chalicelib.jobs import listing, operations, submission
from chalicelib.jobs.inputs import (
    BulkRequest,
    EventListQuery,
    JobChanges,
    JobEdit,
    JobListQuery,
    LogQuery,
    RetryQuery,
    RetryRequest,
)
from chalicelib.jobs.listing import JobFilters
from chalicelib.jobs.model import Job
from chalicelib.jobs.shapes import (
    ArtifactListJson,
    BulkJson,
    EventPageJson,
    JobJson,
    JobPageJson,
    JobWithOrdersJson,
    RetryPlanJson,
    artifacts_json,
    event_json,
    job_json,
    job_with_orders,
    number_text,
    stored_job_json,
)
from chalicelib.jobs.submission import JobRequest
from chalicelib.rest import Blueprint, Body, check_match, json_body, next_link

jobs = Blueprint(__name__, group="Jobs")

YAML = "application/yaml"
EXAMPLE = {
    "name": "Nightly report",
    "orders": [
        {"order_name": "fetch", "cmds": ["echo 3 2 1 | tr ' ' '\\n' > numbers"], "timeout": 60, "outputs": ["numbers"]},
        {"order_name": "sort", "cmds": ["sort inputs/fetch/numbers"], "timeout": 60, "dependencies": ["fetch"]},
    ],
}


def _read_submission(body: bytes) -> JobRequest | GenerationRequest:
    data = read_json(body)
    return parse_generation(data) if is_generation(data) else submission.parse_request(data)


def _read_yaml(body: bytes) -> JobRequest:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8.") from None
    return submission.parse_submission(text)


def _read_changes(body: bytes) -> dict[str, Any]:
    changes = read_json(body) if body else {}
    if not isinstance(changes, dict):
        raise Invalid("The body must be an object: the fields of the job that are to differ.")
    return changes


@jobs.api(
    "POST",
    "/api/jobs",
    permission=Permission.JOBS_WRITE,
    summary="Submit a job",
    details="Of shell orders, in JSON or YAML; or, with a `template_id`, of records to be generated. All faults are "
    "answered at once, each with its place.",
    body=Body(
        JobRequest | GenerationRequest, {JSON: _read_submission, YAML: _read_yaml}, examples={"example": EXAMPLE}
    ),
    answers={201: JobJson},
    errors=(403,),
    headers={"Location": "Address of the job."},
)
def submit(request: Request, body: JobRequest | GenerationRequest) -> Answer:
    ports, caller, job_id = request.ports, request.caller, request.new_id()
    if isinstance(body, GenerationRequest):
        return _made(request, generation.submit(ports, caller, body, job_id=job_id))
    return _made(request, operations.submit(ports, caller, body, job_id=job_id))


@jobs.api(
    "GET",
    "/api/jobs",
    permission=Permission.JOBS_READ,
    summary="List jobs",
    details="Newest first. Jobs of your organisation only.",
    query=JobListQuery,
    answers={200: JobPageJson},
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def list_jobs(request: Request, query: JobListQuery) -> Answer:
    filters = JobFilters(
        status=query.status,
        kind=query.kind,
        text=query.text,
        since=query.since,
        until=query.until,
        trace_id=query.trace_id,
    )
    page = listing.list_stored_jobs(request.ports, request.caller, filters, limit=query.limit, cursor=query.cursor)
    shown = {"items": [stored_job_json(body) for body in page.bodies], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@jobs.api(
    "POST",
    "/api/jobs/bulk",
    permission=Permission.JOBS_WRITE,
    summary="Cancel or delete many jobs",
    details="Each job is tried by itself; the answer says for each whether it worked, and why not.",
    body=json_body(BulkRequest),
    answers={200: BulkJson},
    errors=(403,),
)
def bulk(request: Request, body: BulkRequest) -> Answer:
    results = operations.bulk(request.ports, request.caller, body.action, body.job_ids)
    return json_answer({"items": [{"job_id": each.job_id, "ok": each.ok, "detail": each.detail} for each in results]})


@jobs.api(
    "GET",
    "/api/jobs/{job_id}",
    permission=Permission.JOBS_READ,
    summary="See a job with its orders",
    answers={200: JobWithOrdersJson},
)
def get_job(request: Request, job_id: str) -> Answer:
    return Answer(_whole(request, job_id), 200, {"Content-Type": JSON})


@jobs.api(
    "GET",
    "/api/jobs/{job_id}/submission",
    permission=Permission.JOBS_READ,
    summary="See what was submitted",
    details="With all commands; values of secrets are empty. It can be submitted again. A job that Millrace made "
    "itself has none (409).",
    answers={200: JobRequest},
    errors=(409,),
)
def get_submission(request: Request, job_id: str) -> Answer:
    return json_answer(operations.submission_of(request.ports, request.caller, job_id))


@jobs.api(
    "PATCH",
    "/api/jobs/{job_id}",
    permission=Permission.JOBS_WRITE,
    summary="Cancel, pause or resume a job, or change its budget",
    details="Cancelled: nothing more is started and what runs is stopped; the job is `cancelled` once all of it has "
    "ended. Paused: nothing more is started, and what can stop in between does. With If-Match, only if it still is "
    "what you read.",
    body=json_body(JobEdit),
    answers={202: JobJson},
    errors=(403, 409, 412),
)
def edit_job(request: Request, job_id: str, body: JobEdit) -> Answer:
    check_match(request, lambda: _whole(request, job_id))
    return json_answer(job_json(edit(request.ports, request.caller, job_id, **dict(body))), 202)


@jobs.api(
    "DELETE",
    "/api/jobs/{job_id}",
    permission=Permission.JOBS_WRITE,
    summary="Delete a job that has ended",
    details="With its orders, logs, artifacts and history.",
    answers={204: None},
    errors=(403, 409),
)
def delete_job(request: Request, job_id: str) -> Answer:
    operations.delete(request.ports, request.caller, job_id)
    return no_content()


@jobs.api(
    "GET",
    "/api/jobs/{job_id}/retry",
    permission=Permission.JOBS_READ,
    summary="See what a retry would do",
    query=RetryQuery,
    answers={200: RetryPlanJson},
    errors=(403, 409),
)
def retry_plan(request: Request, job_id: str, query: RetryQuery) -> Answer:
    plan = operations.retry_plan(request.ports, request.caller, job_id, from_order=query.from_order)
    return json_answer({"keeps": [*map(number_text, plan.keeps)], "reruns": [*map(number_text, plan.reruns)]})


@jobs.api(
    "POST",
    "/api/jobs/{job_id}/retry",
    permission=Permission.JOBS_WRITE,
    summary="Run a job again",
    details="From one order on with all that depends on it, or, without one, whatever did not succeed.",
    body=json_body(RetryRequest, required=False, example={"from_order": "sort"}),
    answers={202: JobJson},
    errors=(403, 409),
)
def retry(request: Request, job_id: str, body: RetryRequest) -> Answer:
    number = _number_of(request, job_id, body.from_order)
    return json_answer(job_json(operations.retry(request.ports, request.caller, job_id, from_order=number)), 202)


@jobs.api(
    "POST",
    "/api/jobs/{job_id}/clone",
    permission=Permission.JOBS_WRITE,
    summary="Submit a job again, with changes",
    details=(
        "The body holds the fields of the job that are to differ. Secrets are carried over unless given anew; of a "
        "generation, so are version and models, unless another template or model is named."
    ),
    body=Body(
        JobChanges | GenerationChanges, {JSON: _read_changes}, required=False, examples={"example": {"priority": 5}}
    ),
    answers={201: JobJson},
    errors=(403,),
    headers={"Location": "Address of the new job."},
)
def clone(request: Request, job_id: str, body: dict[str, Any]) -> Answer:
    return _made(request, clone_any(request.ports, request.caller, job_id, body, new_job_id=request.new_id()))


@jobs.api(
    "GET",
    "/api/jobs/{job_id}/events",
    permission=Permission.JOBS_READ,
    summary="Read a job's history",
    query=EventListQuery,
    answers={200: EventPageJson},
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def list_events(request: Request, job_id: str, query: EventListQuery) -> Answer:
    page = operations.list_events(
        request.ports,
        request.caller,
        job_id,
        limit=query.limit,
        cursor=query.cursor,
        newest_first=query.newest_first,
        order_name=query.order_name,
    )
    shown = {"items": [event_json(each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@jobs.api(
    "GET",
    "/api/jobs/{job_id}/orders/{order_num}/log",
    permission=Permission.JOBS_READ,
    summary="Read an order's log",
    details="To follow it, ask again from X-Log-Next-Offset on until X-Log-Complete is `true`.",
    query=LogQuery,
    answers={200: str},
    media_type="text/plain; charset=utf-8",
    headers={
        "X-Log-Next-Offset": "The offset of what comes after this part.",
        "X-Log-Complete": "`true` when nothing comes after it any more, else `false`.",
    },
)
def read_log(request: Request, job_id: str, order_num: str, query: LogQuery) -> Answer:
    part = operations.read_log(
        request.ports,
        request.caller,
        job_id,
        _number(order_num),
        attempt=query.attempt,
        offset=query.offset,
        limit=query.limit,
    )
    told = {"X-Log-Next-Offset": str(part.next_offset), "X-Log-Complete": "true" if part.complete else "false"}
    return text_answer(part.text, {**told})


@jobs.api(
    "GET",
    "/api/jobs/{job_id}/orders/{order_num}/artifacts",
    permission=Permission.JOBS_READ,
    summary="List the files an order left",
    answers={200: ArtifactListJson},
)
def list_artifacts(request: Request, job_id: str, order_num: str) -> Answer:
    order = operations.get_order(request.ports, request.caller, job_id, _number(order_num))
    return json_answer({"items": artifacts_json(job_id, order, request.base)})


@jobs.api(
    "GET",
    "/api/jobs/{job_id}/orders/{order_num}/artifacts/{path}",
    permission=Permission.JOBS_READ,
    summary="Download a file an order left",
    details="Leads to a link that works without signing in for a short time. Slashes of the path go as %2F.",
    answers={302: None},
    headers={"Location": "The link."},
)
def get_artifact(request: Request, job_id: str, order_num: str, path: str) -> Answer:
    link = operations.artifact_link(request.ports, request.caller, job_id, _number(order_num), path)
    return redirect(link, 302)


def _made(request: Request, job: Job) -> Answer:
    return json_answer(job_json(job), 201, {"Location": f"{request.base}/api/jobs/{job.job_id}"})


def _whole(request: Request, job_id: str) -> bytes:
    job = operations.get_job(request.ports, request.caller, job_id)
    return dump(job_with_orders(job, operations.orders_of(request.ports, job), request.base))


def _number(order_num: str) -> int:
    if not (order_num.isascii() and order_num.isdigit() and len(order_num) <= 6):  # noqa: PLR2004 - more is no order
        raise NotFound(f"There is no order {order_num}.")
    return int(order_num)


def _number_of(request: Request, job_id: str, order: int | str | None) -> int | None:
    """The number of an order given by number or name."""
    if order is None or isinstance(order, int):
        return order
    for each in operations.get_orders(request.ports, request.caller, job_id):
        if order in (each.name, number_text(each.number)):
            return each.number
    raise NotFound(f"There is no order `{order}` in this job.")
