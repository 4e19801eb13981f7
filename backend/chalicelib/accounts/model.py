"""Tenants, their members and who is calling."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Tenant:
    tenant_id: str
    organisation: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user in one tenant. Every operation takes one and touches that tenant's documents only."""

    user_id: str
    email: str
    tenant_id: str
    organisation: str
    role: Role
