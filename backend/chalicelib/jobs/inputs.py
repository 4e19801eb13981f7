"""What callers send to the routes of jobs, beside jobs themselves."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, create_model, model_validator
from pydantic.json_schema import SkipJsonSchema

from chalicelib.bodies import Input, Query
from chalicelib.generation.jobs.request import Dollars
from chalicelib.jobs.model import JobStatus
from chalicelib.jobs.submission import JobRequest

CURSOR = "`cursor` of the page before."


def _ordinary(moment: datetime) -> datetime:
    """Moments that can be counted with: some hours more or less do not leave the calendar."""
    if not 1970 <= moment.year <= 9000:  # noqa: PLR2004 - years in which no job was submitted
        raise ValueError("must be between the years 1970 and 9000")
    return moment


Limit = Annotated[int, Field(ge=1, le=100, description="Most items on a page.")]
Cursor = Annotated[str, Field(max_length=2000)] | SkipJsonSchema[None]
Moment = Annotated[AwareDatetime, AfterValidator(_ordinary)] | SkipJsonSchema[None]
OrderNumber = Annotated[int, Field(ge=1, description="An order's number.")]


class JobListQuery(Query):
    status: JobStatus | SkipJsonSchema[None] = None
    kind: Annotated[str, Field(max_length=100)] | SkipJsonSchema[None] = None
    text: Annotated[str, Field(max_length=200)] | SkipJsonSchema[None] = Field(
        None, description="Part of its name, of its id, or of the address of whoever submitted it."
    )
    trace_id: Annotated[str, Field(max_length=8)] | SkipJsonSchema[None] = Field(
        None, description="Eight hexadecimal digits: jobs of one trace."
    )
    since: Moment = Field(None, description="Submitted then or later: RFC 3339, with its offset from UTC.")
    until: Moment = Field(None, description="Submitted then or earlier.")
    limit: Limit = 50
    cursor: Cursor = Field(None, description=CURSOR)


class EventListQuery(Query):
    limit: Limit = 50
    cursor: Cursor = Field(None, description=CURSOR)
    newest_first: bool = False
    order_name: Annotated[str, Field(max_length=100)] | SkipJsonSchema[None] = Field(
        None, description="Of one order; `_job` is what concerns the whole job."
    )


class RetryQuery(Query):
    from_order: OrderNumber | SkipJsonSchema[None] = None


class LogQuery(Query):
    offset: Annotated[int, Field(ge=0, le=2**53, description="Bytes to skip: the next offset of the part before.")] = 0
    limit: Annotated[int, Field(ge=1, le=1_000_000, description="Most bytes in the answer.")] = 1_000_000
    attempt: Annotated[int, Field(ge=1, le=2**31)] | SkipJsonSchema[None] = Field(
        None, description="The latest when left out."
    )


class JobEdit(Input):
    """At least one field."""

    status: Literal["cancelled", "paused", "running"] | None = Field(
        None, description="running: go on after a pause, or start a draft."
    )
    budget_limit: Dollars | None = Field(
        None, description="USD that a generation job may spend in all; one that ran out of money goes on."
    )
    seed_data_id: str | None = Field(None, max_length=100, description="Of a draft of a generation job.")

    @model_validator(mode="after")
    def _something(self) -> "JobEdit":
        if self.status is None and self.budget_limit is None and self.seed_data_id is None:
            raise ValueError("names nothing to change: give status, budget_limit or seed_data_id")
        return self


class RetryRequest(Input):
    from_order: Annotated[
        OrderNumber | str | None, Field(description="Number or name of the order from which on all is run again.")
    ] = None


JobChanges = create_model(  # type: ignore[call-overload]  # of fields that are known at run time
    "JobChanges",
    __base__=Input,
    __doc__="Fields of a job, all optional.",
    **{name: (each.annotation, None) for name, each in JobRequest.model_fields.items()},
)


class BulkRequest(Input):
    action: Literal["cancel", "delete"]
    job_ids: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=100)]
