"""What generation jobs have beyond other jobs, over REST. They are submitted, changed and deleted as all jobs are."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input, Query
from chalicelib.errors import Fault, Invalid
from chalicelib.exchange import Answer, Request, json_answer, text_answer
from chalicelib.generation import costs, scoring
from chalicelib.generation.exports import operations as exports
from chalicelib.generation.jobs import operations
from chalicelib.generation.jobs.model import Format
from chalicelib.generation.jobs.request import Dollars, GenerationRequest, PartitionRequest, to_micro
from chalicelib.generation.shapes import (
    CostsJson,
    EstimateJson,
    ExportListJson,
    GenerationJson,
    QualityJson,
    RecordPageJson,
    cost_rows,
    estimate_json,
    export_json,
    generation_json,
    quality_json,
    record_json,
)
from chalicelib.jobs.shapes import JobJson, job_json
from chalicelib.rest import Blueprint, json_body

generation = Blueprint(__name__, group="Generation")

EXAMPLE = {
    "template_id": "01JTEMPLATE",
    "seed_data_id": "01JSEEDS",
    "budget_limit": 5,
    "num_records": 1000,
    "output_format": ["jsonl", "parquet"],
}
LONGEST_SPAN = 400


class RecordsQuery(Query):
    start: Annotated[int, Field(ge=0, le=10_000_000, description="The first record's number; `cursor` to go on.")] = 0
    limit: Annotated[int, Field(ge=1, le=100, description="Most items on a page.")] = 50
    text: Annotated[str, Field(max_length=200)] | SkipJsonSchema[None] = Field(
        None, description="Part of a column, an output or an error, in any case."
    )
    failed: bool = Field(False, description="true: only records that failed.")


class ExportRequest(Input):
    format: Literal["jsonl", "csv", "parquet", "chat-jsonl"]
    partition: PartitionRequest | None = None


class ScoringRequest(Input):
    model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    model_tier: Annotated[int, Field(ge=1, le=3)] = Field(1, description="Where no model is named.")
    sample: Annotated[int, Field(ge=1, le=scoring.MOST, description="Records that are scored.")] = 20
    budget_limit: Dollars = Field(strict=False, description="USD that it may cost at most.")


class CostsQuery(Query):
    since: Annotated[date, Field(description="First day.")]
    until: Annotated[date, Field(description="Last day.")]
    by: Literal["day", "model", "template", "member"] = "day"


@generation.api(
    "POST",
    "/api/generation/estimate",
    permission=Permission.GENERATION_READ,
    summary="Estimate what a job would cost",
    details="Nothing is stored or asked: prompts of sample seeds, and money at the expected and at the worst case.",
    body=json_body(GenerationRequest, example=EXAMPLE),
    answers={200: EstimateJson},
    errors=(403, 404),
)
def estimate_generation(request: Request, body: GenerationRequest) -> Answer:
    return json_answer(estimate_json(operations.estimate(request.ports, request.caller, body)))


@generation.api(
    "GET",
    "/api/jobs/{job_id}/generation",
    permission=Permission.GENERATION_READ,
    summary="See how far a generation job is, and what it has cost",
    answers={200: GenerationJson},
)
def get_generation(request: Request, job_id: str) -> Answer:
    return json_answer(generation_json(operations.see(request.ports, request.caller, job_id)))


@generation.api(
    "GET",
    "/api/jobs/{job_id}/records",
    permission=Permission.GENERATION_READ,
    summary="Read and search the records made so far",
    query=RecordsQuery,
    answers={200: RecordPageJson},
)
def list_records(request: Request, job_id: str, query: RecordsQuery) -> Answer:
    page = operations.list_records(
        request.ports,
        request.caller,
        job_id,
        start=query.start,
        limit=query.limit,
        text=query.text or "",
        failed=query.failed,
    )
    return json_answer({"items": [record_json(each) for each in page.items], "cursor": page.cursor})


@generation.api(
    "POST",
    "/api/jobs/{job_id}/retry-records",
    permission=Permission.GENERATION_WRITE,
    summary="Make the failed records of an ended job again",
    answers={202: JobJson},
    errors=(403, 409),
)
def retry_records(request: Request, job_id: str) -> Answer:
    return json_answer(job_json(operations.retry_failed_records(request.ports, request.caller, job_id)), 202)


@generation.api(
    "POST",
    "/api/jobs/{job_id}/exports",
    permission=Permission.GENERATION_WRITE,
    summary="Export the records that are there now",
    details="At any time, also while the job runs or after it was stopped. The answer is the job that makes the files.",
    body=json_body(ExportRequest, example={"format": "csv"}),
    answers={202: JobJson},
    errors=(403,),
    headers={"Location": "Address of the job that makes the files."},
)
def export_records(request: Request, job_id: str, body: ExportRequest) -> Answer:
    partition = body.partition.to_partition() if body.partition else None
    job = exports.export(
        request.ports, request.caller, job_id, Format(body.format), partition, export_id=request.new_id()
    )
    return json_answer(job_json(job), 202, {"Location": f"{request.base}/api/jobs/{job.job_id}"})


@generation.api(
    "GET",
    "/api/jobs/{job_id}/exports",
    permission=Permission.GENERATION_READ,
    summary="List the files that exports left",
    answers={200: ExportListJson},
)
def list_exports(request: Request, job_id: str) -> Answer:
    files = exports.list_files(request.ports, request.caller, job_id)
    return json_answer({"items": [export_json(each, request.base) for each in files]})


@generation.api(
    "GET",
    "/api/jobs/{job_id}/quality",
    permission=Permission.GENERATION_READ,
    summary="Measure repetition and length of a sample of the records",
    answers={200: QualityJson},
)
def get_quality(request: Request, job_id: str) -> Answer:
    return json_answer(quality_json(operations.get_quality(request.ports, request.caller, job_id)))


@generation.api(
    "POST",
    "/api/jobs/{job_id}/quality",
    permission=Permission.GENERATION_WRITE,
    summary="Have a model score a sample of the records",
    details="For at most `budget_limit`, by a job; what it finds is in GET /api/jobs/{job_id}/quality.",
    body=json_body(ScoringRequest, example={"model_tier": 1, "sample": 20, "budget_limit": 0.1}),
    answers={202: JobJson},
    errors=(403, 409),
    headers={"Location": "Address of the job that scores."},
)
def score_records(request: Request, job_id: str, body: ScoringRequest) -> Answer:
    ports = request.ports
    model = body.model or ports.prices.model_of_tier(body.model_tier, ports.llm)
    job = scoring.start(
        ports,
        request.caller,
        job_id,
        model=model,
        sample=body.sample,
        cap=to_micro(body.budget_limit),
        scoring_id=request.new_id(),
    )
    return json_answer(job_json(job), 202, {"Location": f"{request.base}/api/jobs/{job.job_id}"})


def _check_span(query: CostsQuery) -> None:
    if not 0 <= (query.until - query.since).days <= LONGEST_SPAN:
        raise Invalid("The query has faults.", [Fault("until", f"must be within {LONGEST_SPAN} days after `since`")])


@generation.api(
    "GET",
    "/api/costs",
    permission=Permission.COSTS_READ,
    summary="See what models have cost",
    details="By day, model, template or member.",
    query=CostsQuery,
    answers={200: CostsJson},
)
def get_costs(request: Request, query: CostsQuery) -> Answer:
    _check_span(query)
    rows = costs.summary(request.ports, request.caller, since=query.since, until=query.until, by=query.by)
    span = {"since": query.since.isoformat(), "until": query.until.isoformat(), "by": query.by}
    return json_answer({**span, "items": cost_rows(rows)})


@generation.api(
    "GET",
    "/api/costs.csv",
    permission=Permission.COSTS_READ,
    summary="Download what models have cost",
    query=CostsQuery,
    answers={200: str},
    media_type="text/csv; charset=utf-8",
)
def download_costs(request: Request, query: CostsQuery) -> Answer:
    _check_span(query)
    rows = costs.summary(request.ports, request.caller, since=query.since, until=query.until, by=query.by)
    name = f"costs-by-{query.by}-{query.since}-{query.until}.csv"
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": f'attachment; filename="{name}"'}
    return text_answer(costs.as_csv(rows, query.by).encode(), {**headers})
