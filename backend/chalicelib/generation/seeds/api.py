"""Seed data over REST."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input, Query
from chalicelib.errors import MillraceError
from chalicelib.exchange import JSON, Answer, Request, json_answer, no_content
from chalicelib.generation.jobs import operations as generation
from chalicelib.generation.seeds import operations
from chalicelib.generation.seeds.model import LARGEST, SeedData, SeedFormat, SeedStatus
from chalicelib.generation.seeds.shapes import RecordsJson, SeedDataJson, SeedPageJson, UploadJson, seed_json
from chalicelib.rest import Blueprint, Body, json_body, next_link

seeds = Blueprint(__name__, group="Seed data")

CSV = "text/csv"
JSONL = "application/jsonl"
NDJSON = "application/x-ndjson"
ANY = "application/octet-stream"
UPLOAD_DETAILS = (
    "The body is the file itself: CSV with a header, a JSON list of objects, or lines of JSON; UTF-8. Files above 4.5 "
    "MB go by a link: POST /api/seed-data/link. All faults, up to a hundred, are answered with their lines."
)

Name = Annotated[str, Field(min_length=1, max_length=200, description="Shown in lists.")]
Limit = Annotated[int, Field(ge=1, le=100, description="Most items on a page.")]
Cursor = Annotated[str, Field(max_length=2000)] | SkipJsonSchema[None]


@dataclass(frozen=True, slots=True)
class File:
    """`format` is None where the media type does not say it."""

    format: SeedFormat | None
    content: bytes


def _as(format: SeedFormat | None) -> Callable[[bytes], File]:
    return lambda content: File(format, content)


FILE: Body[File] = Body(
    bytes,
    {
        CSV: _as(SeedFormat.CSV),
        JSON: _as(SeedFormat.JSON),
        JSONL: _as(SeedFormat.JSONL),
        NDJSON: _as(SeedFormat.JSONL),
        ANY: _as(None),
    },
)


class UploadQuery(Query):
    name: Name = "Seed data"


class SeedListQuery(Query):
    text: Annotated[str, Field(max_length=200)] | SkipJsonSchema[None] = Field(
        None, description="Part of its name or id."
    )
    limit: Limit = 50
    cursor: Cursor = Field(None, description="`cursor` of the page before.")


class RecordsQuery(Query):
    skip: Annotated[int, Field(ge=0, le=1_000_000, description="Records before the first that is shown.")] = 0
    limit: Annotated[int, Field(ge=1, le=100, description="Most records in the answer.")] = 20


class LinkRequest(Input):
    name: Name
    format: SeedFormat = Field(strict=False)
    size: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(
        None, description="Bytes that the link takes at most; 100 MB when left out."
    )


class GenerateRequest(Input):
    template_id: Annotated[str, Field(max_length=100)]
    version: Annotated[int, Field(ge=1)] | None = Field(None, description="The current one when left out.")
    count: Annotated[int, Field(ge=1, le=operations.MOST_GENERATED)]
    name: Annotated[str, Field(max_length=200)] = ""
    seed: Annotated[int, Field(ge=0, le=2**53)] = Field(0, description="The same one makes the same records.")


@seeds.api(
    "POST",
    "/api/seed-data",
    permission=Permission.SEEDS_WRITE,
    summary="Upload seed data",
    details=UPLOAD_DETAILS,
    query=UploadQuery,
    body=FILE,
    answers={201: SeedDataJson},
    errors=(403,),
    headers={"Location": "Address of the seed data."},
)
def upload(request: Request, query: UploadQuery, body: File) -> Answer:
    return _made(request, _uploaded(request, query.name, body))


@seeds.api(
    "GET",
    "/api/seed-data",
    permission=Permission.SEEDS_READ,
    summary="List seed data",
    details="Newest first.",
    query=SeedListQuery,
    answers={200: SeedPageJson},
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def list_seed_data(request: Request, query: SeedListQuery) -> Answer:
    page = operations.list_seed_data(
        request.ports, request.caller, text=query.text or "", limit=query.limit, cursor=query.cursor
    )
    shown = {"items": [seed_json(each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@seeds.api(
    "POST",
    "/api/seed-data/link",
    permission=Permission.SEEDS_WRITE,
    summary="Get a link for a large file",
    details="For up to 100 MB and 1,000,000 records.",
    body=json_body(LinkRequest, example={"name": "Products", "format": "csv"}),
    answers={201: UploadJson},
    errors=(403,),
    headers={"Location": "Address of the seed data."},
)
def get_link(request: Request, body: LinkRequest) -> Answer:
    begun = operations.begin_upload(
        request.ports, request.caller, name=body.name, format=body.format, size=body.size, seed_data_id=request.new_id()
    )
    answer = _made(request, begun.seed_data)
    return json_answer({**seed_json(begun.seed_data), "link": begun.link}, 201, answer.headers)


@seeds.api(
    "POST",
    "/api/seed-data/generate",
    permission=Permission.SEEDS_WRITE,
    summary="Make up seed data for a template",
    details="Records that have all of its variables, with values guessed from their names.",
    body=json_body(GenerateRequest, example={"template_id": "system-story", "count": 20}),
    answers={201: SeedDataJson},
    errors=(403, 409),
    headers={"Location": "Address of the seed data."},
)
def generate(request: Request, body: GenerateRequest) -> Answer:
    made = operations.generate(
        request.ports,
        request.caller,
        body.template_id,
        count=body.count,
        name=body.name,
        version=body.version,
        seed=body.seed,
        seed_data_id=request.new_id(),
    )
    return _made(request, made)


@seeds.api(
    "GET",
    "/api/seed-data/{seed_data_id}",
    permission=Permission.SEEDS_READ,
    summary="See seed data",
    answers={200: SeedDataJson},
)
def get_seed_data(request: Request, seed_data_id: str) -> Answer:
    return json_answer(seed_json(operations.get_seed_data(request.ports, request.caller, seed_data_id)))


@seeds.api(
    "GET",
    "/api/seed-data/{seed_data_id}/records",
    permission=Permission.SEEDS_READ,
    summary="Read its records",
    query=RecordsQuery,
    answers={200: RecordsJson},
    errors=(409,),
)
def list_seed_records(request: Request, seed_data_id: str, query: RecordsQuery) -> Answer:
    found = operations.get_seed_data(request.ports, request.caller, seed_data_id)
    records = operations.first_records(request.ports, request.caller, seed_data_id, count=query.limit, skip=query.skip)
    return json_answer({"skip": query.skip, "count": found.record_count, "records": records})


@seeds.api(
    "POST",
    "/api/seed-data/{seed_data_id}/complete",
    permission=Permission.SEEDS_WRITE,
    summary="Say that the file is at its link",
    details="It is read and checked, and is `ready` or `faulty` then. Above 6 MB a job does that: 202, and `checking`.",
    answers={200: SeedDataJson, 202: SeedDataJson},
    errors=(403, 409),
)
def complete(request: Request, seed_data_id: str) -> Answer:
    found = operations.complete(request.ports, request.caller, seed_data_id)
    if found.status is SeedStatus.CHECKING:
        return json_answer(seed_json(found), 202, {"Location": f"{request.base}/api/jobs/{found.job_id}"})
    return json_answer(seed_json(found))


@seeds.api(
    "DELETE",
    "/api/seed-data/{seed_data_id}",
    permission=Permission.SEEDS_WRITE,
    summary="Delete seed data",
    details="With its records. Jobs that still need them fail.",
    answers={204: None},
    errors=(403, 409),
)
def delete_seed_data(request: Request, seed_data_id: str) -> Answer:
    operations.delete(request.ports, request.caller, seed_data_id)
    return no_content()


@seeds.api(
    "POST",
    "/api/jobs/{job_id}/seed-data",
    permission=Permission.SEEDS_WRITE,
    summary="Upload seed data for a draft",
    details=UPLOAD_DETAILS,
    query=UploadQuery,
    body=FILE,
    answers={201: SeedDataJson},
    errors=(403, 409),
    headers={"Location": "Address of the seed data."},
)
def upload_for_draft(request: Request, job_id: str, query: UploadQuery, body: File) -> Answer:
    # What is no job, or not ours, is told before a file is kept for it.
    generation.see(request.ports, request.caller, job_id)
    made = _uploaded(request, query.name, body)
    try:
        generation.set_seed_data(request.ports, request.caller, job_id, made.seed_data_id)
    except MillraceError:
        operations.delete(request.ports, request.caller, made.seed_data_id)
        raise
    return _made(request, made)


def _uploaded(request: Request, name: str, file: File) -> SeedData:
    return operations.upload(
        request.ports,
        request.caller,
        file.content,
        name=name,
        format=file.format,
        seed_data_id=request.new_id(),
    )


def _made(request: Request, seed_data: SeedData) -> Answer:
    address = f"{request.base}/api/seed-data/{seed_data.seed_data_id}"
    return json_answer(seed_json(seed_data), 201, {"Location": address})
