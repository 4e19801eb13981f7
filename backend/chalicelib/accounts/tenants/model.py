"""Tenants, and the one table of their legal transitions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.accounts.model import TenantStatus
from chalicelib.errors import Conflict, Unprocessable

_S = TenantStatus
TRANSITIONS: Mapping[TenantStatus, frozenset[TenantStatus]] = {
    _S.PENDING: frozenset({_S.ACTIVE, _S.FAILED}),
    _S.FAILED: frozenset({_S.PENDING, _S.DEPROVISIONED}),
    _S.ACTIVE: frozenset({_S.SUSPENDED, _S.PARKED, _S.DEPROVISIONED}),
    _S.SUSPENDED: frozenset({_S.ACTIVE, _S.DEPROVISIONED}),
    _S.PARKED: frozenset({_S.ACTIVE, _S.DEPROVISIONED}),
    _S.DEPROVISIONED: frozenset(),
}


class WrongState(Unprocessable):
    type = "wrong-state"
    title = "The organisation's state does not allow it"


class OrganisationTaken(Conflict):
    type = "organisation-taken"
    title = "There is an organisation with this name"

    def __init__(self, organisation: str) -> None:
        super().__init__(f"{organisation} is taken. Its admin can invite you, or choose another.")


def check_transition(before: TenantStatus, after: TenantStatus) -> None:
    """Raises WrongState that names the state."""
    if after not in TRANSITIONS[before]:
        raise WrongState(f"The organisation is {before}; it cannot become {after}.")


class Environment(StrEnum):
    DEV = "dev"
    SIT = "sit"
    PROD = "prod"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one tenant may use; None is no limit."""

    concurrency: int | None = None
    """Orders in flight."""
    monthly_budget: int | None = None
    """Micro-dollars in a month of UTC."""
    request_rate: int | None = None
    """Requests in a minute."""
    storage: int | None = None
    """Bytes of logs, artifacts, records and seed data."""


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """`parent_tenant_id` and `unit_id` (where it is placed among its parent's units) are empty when there is none."""

    tenant_id: str
    organisation: str
    created_at: datetime
    status: TenantStatus = TenantStatus.ACTIVE
    reason: str = ""
    """Why it is parked or suspended."""
    contact_email: str = ""
    environment: Environment = Environment.PROD
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parent_tenant_id: str = ""
    unit_id: str = ""
    updated_at: datetime | None = None
    teardown_job: str = ""
    """The job that removes what was the tenant's."""
    limits: Limits = NO_LIMITS
    channels: int = 0
    """How many notification channels it has, so that an engine without any has nothing to write."""
    version: int = 0


_TOLD = ("organisation", "status", "reason", "contact_email", "environment", "metadata", "parent_tenant_id", "unit_id")


def told(tenant: Tenant) -> dict[str, Any]:
    """What the audit keeps of it."""
    return {**{name: getattr(tenant, name) for name in _TOLD}, "limits": asdict(tenant.limits)}
