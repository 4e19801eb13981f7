"""Batches over REST."""

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Query
from chalicelib.exchange import Answer, Request, json_answer
from chalicelib.generation.batches import operations
from chalicelib.generation.batches.request import BatchRequest
from chalicelib.generation.shapes import BatchJson, BatchPageJson, batch_json
from chalicelib.rest import Blueprint, json_body, next_link

batches = Blueprint(__name__, group="Batches")

EXAMPLE = {
    "name": "Which tier is good enough",
    "base": {"template_id": "01JTEMPLATE", "seed_data_id": "01JSEEDS", "num_records": 100},
    "sweep_key": "model_tier",
    "values": [1, 2, 3],
    "budget_limit": 10,
}


class BatchListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=100, description="Most items on a page.")] = 50
    cursor: Annotated[str, Field(max_length=2000)] | SkipJsonSchema[None] = Field(
        None, description="`cursor` of the page before."
    )


@batches.api(
    "POST",
    "/api/batches",
    permission=Permission.GENERATION_WRITE,
    summary="Submit a batch",
    details="One generation job per value of one field. A sweep that changes nothing is refused.",
    body=json_body(BatchRequest, example=EXAMPLE),
    answers={201: BatchJson},
    errors=(403, 404),
    headers={"Location": "Address of the batch."},
)
def submit_batch(request: Request, body: BatchRequest) -> Answer:
    batch = operations.submit(request.ports, request.caller, body, batch_id=request.new_id())
    return json_answer(batch_json(batch), 201, {"Location": f"{request.base}/api/batches/{batch.batch_id}"})


@batches.api(
    "GET",
    "/api/batches",
    permission=Permission.GENERATION_READ,
    summary="List batches",
    details="Newest first, with their jobs as they were submitted.",
    query=BatchListQuery,
    answers={200: BatchPageJson},
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def list_batches(request: Request, query: BatchListQuery) -> Answer:
    page = operations.list_batches(request.ports, request.caller, limit=query.limit, cursor=query.cursor)
    shown = {"items": [batch_json(each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@batches.api(
    "GET",
    "/api/batches/{batch_id}",
    permission=Permission.GENERATION_READ,
    summary="Compare the jobs of a batch",
    answers={200: BatchJson},
)
def get_batch(request: Request, batch_id: str) -> Answer:
    return json_answer(batch_json(operations.see(request.ports, request.caller, batch_id)))
