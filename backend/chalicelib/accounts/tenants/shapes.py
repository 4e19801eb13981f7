"""Tenants and units as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from chalicelib.accounts.model import TenantStatus
from chalicelib.accounts.tenants.model import Environment, Tenant
from chalicelib.accounts.tenants.units import Unit, Units
from chalicelib.bodies import Input, Query
from chalicelib.jobs.inputs import CURSOR, Cursor, Limit

Id = Annotated[str, Field(max_length=100)]
Name = Annotated[str, Field(max_length=200)]
EnvironmentName = Literal["dev", "sit", "prod"]


class TenantJson(TypedDict):
    """`reason` says why it is parked or suspended. `unit_id` is where it is placed among its parent's units."""

    tenant_id: str
    organisation_name: str
    status: TenantStatus
    reason: str
    contact_email: str
    environment: Environment
    metadata: dict[str, Any]
    parent_tenant_id: str | None
    unit_id: str | None
    teardown_job_id: str | None
    created_at: datetime
    updated_at: datetime | None


class TenantPageJson(TypedDict):
    items: list[TenantJson]
    cursor: str | None


class TenantListJson(TypedDict):
    items: list[TenantJson]


class DeletionJson(TypedDict):
    """The job that removes what was the tenant's. It belongs to its parent, or to itself when it had none."""

    job_id: str


class UnitJson(TypedDict):
    """`parent_id` is null for a division. `tenants` are other organisations that are placed in it."""

    unit_id: str
    level: str
    name: str
    parent_id: str | None
    children: list[str]
    tenants: list[str]


class UnitListJson(TypedDict):
    items: list[UnitJson]


class TenantRequest(Input):
    organisation_name: Name = Field(description="2 to 100 letters, digits, spaces, hyphens and apostrophes; unique.")
    contact_email: Name = ""
    environment: EnvironmentName = "prod"
    metadata: dict[str, Any] = Field(default_factory=dict, description="At most 10 KB.")
    parent_tenant_id: Id | None = Field(None, description="Your own, unless you run the platform.")


class TenantEdit(Input):
    organisation_name: Name | None = None
    contact_email: Name | None = None
    environment: EnvironmentName | None = None
    metadata: dict[str, Any] | None = Field(None, description="Merged into what is there; null removes a name.")


class ReasonRequest(Input):
    reason: Annotated[str, Field(max_length=1000)] = Field(description="10 to 500 characters.")


class MoveRequest(Input):
    parent_tenant_id: Id | None = Field(description="null: out of its tree.")


class PlaceRequest(Input):
    unit_id: Id | None = Field(description="A unit of its parent; null: in none.")


class UnitRequest(Input):
    level: Literal["division", "group", "team"]
    name: Name = Field(description="As an organisation's name; unique beside its like.")
    parent_id: Id | None = Field(None, description="The division of a group, the group of a team.")


class UnitEdit(Input):
    name: Name | None = None
    parent_id: Id | None = None


class TenantListQuery(Query):
    status: TenantStatus | SkipJsonSchema[None] = None
    environment: Environment | SkipJsonSchema[None] = None
    name: Name | SkipJsonSchema[None] = Field(None, description="The beginning of its name.")
    limit: Limit = 50
    cursor: Cursor = Field(None, description=CURSOR)


class DeletionQuery(Query):
    force: bool = False
    confirm: Annotated[str, Field(max_length=200, description="The organisation's name, when forced.")] = ""


class UnitDeletionQuery(Query):
    cascade: bool = False
    confirm: Annotated[str, Field(max_length=200, description="The unit's name, when it cascades.")] = ""


def tenant_json(tenant: Tenant) -> TenantJson:
    return {
        "tenant_id": tenant.tenant_id,
        "organisation_name": tenant.organisation,
        "status": tenant.status,
        "reason": tenant.reason,
        "contact_email": tenant.contact_email,
        "environment": tenant.environment,
        "metadata": dict(tenant.metadata),
        "parent_tenant_id": tenant.parent_tenant_id or None,
        "unit_id": tenant.unit_id or None,
        "teardown_job_id": tenant.teardown_job or None,
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
    }


def unit_json(unit: Unit, units: Units) -> UnitJson:
    return {
        "unit_id": unit.unit_id,
        "level": unit.level.value,
        "name": unit.name,
        "parent_id": unit.parent_id or None,
        "children": [each.unit_id for each in units.children(unit.unit_id)],
        "tenants": units.placed_in(unit.unit_id),
    }
