"""Tenants, their members and who is calling."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Role(StrEnum):
    """What a member is in one tenant. A platform admin is one everywhere, and no role of a tenant."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class TenantStatus(StrEnum):
    PENDING = "pending"
    """Being set up."""
    ACTIVE = "active"
    SUSPENDED = "suspended"
    """Stopped by the platform: its admins can look, nobody else gets in."""
    PARKED = "parked"
    """The same by its own wish."""
    FAILED = "failed"
    """Setting it up did not work."""
    DEPROVISIONED = "deprovisioned"
    """Gone for good: nobody gets in any more."""

    @property
    def asleep(self) -> bool:
        return self is not TenantStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as the audit tells it."""

    request_id: str = ""
    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user in one tenant. Every operation takes one and touches that tenant's documents only.

    Signed in by password (`session_id`) or by an API key (`key_id`), which may allow some permissions only (`scope`).
    A platform admin may everything in every tenant; their `role` is what they are there by membership, or admin.
    """

    user_id: str
    email: str
    tenant_id: str
    organisation: str
    role: Role
    tenant_status: TenantStatus = TenantStatus.ACTIVE
    platform_admin: bool = False
    session_id: str = ""
    key_id: str = ""
    scope: frozenset[str] | None = None
    origin: Origin = Origin()
    request_rate: int | None = None
    """Requests in a minute that the tenant may send; None when that is not limited."""
    storage_limit: int | None = None
    """Bytes that the tenant may keep; None when that is not limited."""


@dataclass(frozen=True, slots=True)
class Member:
    user_id: str
    email: str
    tenant_id: str
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user is in one tenant at this moment. `member` is None for somebody who is none."""

    tenant_id: str
    organisation: str
    status: TenantStatus
    member: Member | None
    platform_admin: bool
    request_rate: int | None = None
    storage_limit: int | None = None


class SessionKind(StrEnum):
    API = "api"
    PAGES = "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in. `tenant_id` is the tenant it works in unless a request names another."""

    session_id: str
    user_id: str
    email: str
    kind: SessionKind
    tenant_id: str
    created_at: datetime
    used_at: datetime
    address: str
    user_agent: str


FREE_FAILURES = 5
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Lockout:
    """Failed sign-ins of one address (e-mail) from one address (network). `version` is its document's; 0 when new."""

    failures: int = 0
    until: datetime | None = None
    version: int = 0

    def seconds_left(self, now: datetime) -> int:
        """0 when sign-in may be tried."""
        return max(0, math.ceil((self.until - now).total_seconds())) if self.until else 0

    def after_failure(self, now: datetime) -> "Lockout":
        """From the fifth failure on each locks, twice as long as the one before."""
        failures = self.failures + 1
        if failures < FREE_FAILURES:
            return replace(self, failures=failures)
        length = min(FIRST_LOCK * 2 ** min(failures - FREE_FAILURES, 20), LONGEST_LOCK)
        return replace(self, failures=failures, until=now + length)
