"""What the audit keeps of one change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who (`actor`) did what (`action`, as `job.cancel`) to which thing (`resource`, as `job/01ABC`), and from where.

    `before` and `after` hold the fields that the change is about, secrets left out; None where nothing was, or is.
    """

    entry_id: str
    tenant_id: str
    at: datetime
    actor: str
    action: str
    resource: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    request_id: str = ""
    address: str = ""
    user_agent: str = ""
    key_id: str = ""
    """The API key that the actor used, if any."""
