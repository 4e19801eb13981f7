"""An invitation, and what can become of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.accounts.model import Role
from chalicelib.errors import Conflict, Gone, Unprocessable

LASTS = timedelta(days=7)
MOST_RESENDS = 3


class InvitationStatus(StrEnum):
    """Pending is where all start. Only an expired one can become pending again, by being sent again."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class InvitationEnded(Conflict):
    type = "invitation-ended"
    title = "The invitation is over"


class InvitationExpired(Gone):
    type = "invitation-expired"
    title = "The invitation is too old"


class AlreadyInvited(Conflict):
    type = "already-invited"
    title = "There is an invitation for this address"


class TooManyResends(Unprocessable):
    type = "too-many-resends"
    title = "The invitation was sent too often"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """`token_hash` is of the token in the latest mail. `version` is its document's; 0 when new."""

    invitation_id: str
    tenant_id: str
    organisation: str
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    token_hash: str
    stored: InvitationStatus = InvitationStatus.PENDING
    resends: int = 0
    ended_at: datetime | None = None
    version: int = 0

    def status(self, now: datetime) -> InvitationStatus:
        if self.stored is InvitationStatus.PENDING and self.expires_at <= now:
            return InvitationStatus.EXPIRED
        return self.stored

    def check_open(self, now: datetime) -> None:
        """Raises InvitationExpired, InvitationEnded."""
        status = self.status(now)
        if status is InvitationStatus.EXPIRED:
            raise InvitationExpired("The invitation has expired; ask for a new one.")
        if status is not InvitationStatus.PENDING:
            raise InvitationEnded(f"The invitation was {status} already.")

    def ended(self, status: InvitationStatus, now: datetime) -> "Invitation":
        """Raises InvitationExpired, InvitationEnded."""
        self.check_open(now)
        return replace(self, stored=status, ended_at=now)

    def sent_again(self, token_hash: str, now: datetime) -> "Invitation":
        """Raises InvitationEnded, TooManyResends."""
        if self.stored is not InvitationStatus.PENDING:
            raise InvitationEnded(f"The invitation was {self.stored} already.")
        if self.resends >= MOST_RESENDS:
            raise TooManyResends(f"It was sent again {MOST_RESENDS} times; cancel it and invite anew.")
        return replace(self, token_hash=token_hash, expires_at=now + LASTS, resends=self.resends + 1)
