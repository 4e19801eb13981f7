"""Limits and usage over REST."""

from dataclasses import asdict
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input
from chalicelib.exchange import Answer, Request, json_answer
from chalicelib.limits import operations
from chalicelib.rest import Blueprint, json_body

limits = Blueprint(__name__, group="Limits")

_Limit = Annotated[int, Field(le=2**53)] | None


class LimitsJson(TypedDict):
    """Orders in flight, micro-dollars in a month, requests in a minute, bytes of all that is kept; null: none."""

    concurrency: int | None
    monthly_budget: int | None
    request_rate: int | None
    storage: int | None


class UsageJson(TypedDict):
    """`open_jobs` is counted up to 100. `budget_alerted` is the highest percentage that was told this month."""

    open_jobs: int
    orders_in_flight: int | None
    storage: int
    month: str
    spent_micros: int
    budget_micros: int | None
    budget_alerted: int


class LimitsEdit(Input):
    concurrency: _Limit = Field(None, description="Orders in flight; null takes the limit away.")
    monthly_budget: _Limit = Field(None, description="Micro-dollars in a month of UTC.")
    request_rate: _Limit = Field(None, description="Requests in a minute.")
    storage: _Limit = Field(None, description="Bytes of logs, artifacts, records and seed data.")


@limits.api(
    "GET",
    "/api/tenants/{tenant_id}/limits",
    permission=Permission.LIMITS_READ,
    summary="See what an organisation may use",
    answers={200: LimitsJson},
)
def get_limits(request: Request, tenant_id: str) -> Answer:
    return json_answer(asdict(operations.get(request.ports, request.caller, tenant_id)))


@limits.api(
    "PATCH",
    "/api/tenants/{tenant_id}/limits",
    permission=Permission.LIMITS_WRITE,
    summary="Limit what an organisation may use",
    details="Only what is named is changed. For those who run the platform.",
    body=json_body(LimitsEdit, example={"concurrency": 20}),
    answers={200: LimitsJson},
    errors=(403,),
)
def change_limits(request: Request, tenant_id: str, body: LimitsEdit) -> Answer:
    changes = body.model_dump(exclude_unset=True)
    return json_answer(asdict(operations.change(request.ports, request.caller, tenant_id, changes)))


@limits.api(
    "GET",
    "/api/tenants/{tenant_id}/usage",
    permission=Permission.LIMITS_READ,
    summary="See what an organisation has used",
    answers={200: UsageJson},
)
def get_usage(request: Request, tenant_id: str) -> Answer:
    found = operations.usage(request.ports, request.caller, tenant_id)
    shown: UsageJson = {
        "open_jobs": found.open_jobs,
        "orders_in_flight": found.orders_in_flight,
        "storage": found.storage,
        "month": found.month.month,
        "spent_micros": found.month.spent,
        "budget_micros": found.month.budget,
        "budget_alerted": found.month.alerted,
    }
    return json_answer(shown)
