"""What an organisation's webhook is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """`secret` verifies deliveries and `token` posts comments; both are sealed (see vault.py). Empty is none.

    `job` is the text of the job that a push or a pull request runs.
    """

    tenant_id: str
    secret: str = ""
    token: str = ""
    job: str = ""
    changed_at: datetime | None = None
    changed_by: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One delivery as it was answered. `job_id` is empty when it made none, and `told` then says why."""

    at: datetime
    event: str
    delivery_id: str
    status: int
    job_id: str = ""
    told: Sequence[str] = ()
