"""What is told, to whom, and how it went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class NoticeKind(StrEnum):
    JOB_FINISHED = "job.finished"
    """It succeeded, with or without warnings, or was cancelled."""
    JOB_FAILED = "job.failed"
    """It failed, was timed out, or used up its budget."""
    BUDGET_80 = "budget.80"
    """80 % of the organisation's monthly budget are spent."""
    BUDGET_REACHED = "budget.reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that happened. `username` is whom it is about; empty when it is about the whole organisation."""

    notice_id: str
    tenant_id: str
    kind: NoticeKind
    at: datetime
    data: Mapping[str, Any]
    username: str = ""


class ChannelKind(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where notices go. One of a user (`user_id`) gets what is about them; one of the organisation gets all.

    `secret` signs webhooks; it is sealed (see vault.py).
    """

    channel_id: str
    tenant_id: str
    kind: ChannelKind
    target: str
    """An e-mail address or a URL."""
    events: frozenset[NoticeKind]
    created_at: datetime
    user_id: str = ""
    email: str = ""
    """The user's own."""
    secret: str = ""
    paused: str = ""
    """Why nothing is sent there any more; empty when it is."""
    version: int = 0

    def wants(self, notice: Notice) -> bool:
        mine = not self.user_id or self.email.casefold() == notice.username.casefold()
        return not self.paused and notice.kind in self.events and mine


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """No more is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """`answer` is the status of a webhook's answer; None when none came, and then `fault` says why."""

    at: datetime
    answer: int | None = None
    fault: str = ""
    milliseconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice on its way to one channel. Its id stays the same however often it is sent."""

    delivery_id: str
    tenant_id: str
    channel_id: str
    kind: ChannelKind
    target: str
    event: NoticeKind
    data: Mapping[str, Any]
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    next_at: datetime | None = None
    """When it is sent (again); None when it is not."""
    tries: Sequence[Try] = field(default_factory=tuple)
    sent: int = 0
    """How often, without those before a user asked for another."""
    version: int = 0
