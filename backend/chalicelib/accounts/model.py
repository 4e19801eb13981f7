"""Tenants, their members and who is calling."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
