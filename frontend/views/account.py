"""Sessions, keys and invitations, as their page says them."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.accounts.invitations.model import Invitation, InvitationStatus
from chalicelib.accounts.keys import ApiKey
from chalicelib.accounts.model import Role, Session, SessionKind
from frontend.views.words import Look

_BROWSERS = ("Firefox", "Edg", "OPR", "Chrome", "Safari")
_NAMES = {"Edg": "Edge", "OPR": "Opera"}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
_SYSTEM_NAMES = {"Mac OS X": "macOS"}
ROLE_WORDS = {
    Role.ADMIN: "Admin: manages people and everything else",
    Role.OPERATOR: "Operator: submits and runs jobs",
    Role.VIEWER: "Viewer: looks only",
}
INVITATION_LOOKS = {
    InvitationStatus.PENDING: Look("Pending", "wait", "wait"),
    InvitationStatus.ACCEPTED: Look("Accepted", "ok", "ok"),
    InvitationStatus.DECLINED: Look("Declined", "stop", "stop"),
    InvitationStatus.EXPIRED: Look("Expired", "late", "late"),
    InvitationStatus.CANCELLED: Look("Cancelled", "skip", "skip"),
}


@dataclass(frozen=True, slots=True)
class SessionRow:
    session_id: str
    device: str
    address: str
    created_at: datetime
    used_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class KeyRow:
    """`scope` is its role, or the permissions that narrow it."""

    key_id: str
    name: str
    scope: str
    used_at: datetime | None
    expires: str
    expired: bool


@dataclass(frozen=True, slots=True)
class InvitationRow:
    invitation_id: str
    email: str
    role: str
    look: Look
    expires_at: datetime
    open: bool
    resends_left: int


def session_row(session: Session, current: str) -> SessionRow:
    return SessionRow(
        session.session_id,
        device(session),
        session.address or "unknown",
        session.created_at,
        session.used_at,
        session.session_id == current,
    )


def device(session: Session) -> str:
    """`Firefox on Linux`, or the first word of what a program calls itself."""
    agent = session.user_agent
    browser = next((each for each in _BROWSERS if f"{each}/" in agent), "")
    if not browser:
        program = agent.split()[0] if agent.split() else "A program"
        return f"{program[:60]} (API)" if session.kind is SessionKind.API else program[:60]
    system = next((each for each in _SYSTEMS if each in agent), "")
    name = _NAMES.get(browser, browser)
    return f"{name} on {_SYSTEM_NAMES.get(system, system)}" if system else name


def key_row(key: ApiKey, now: datetime) -> KeyRow:
    scope = key.role.value if key.permissions is None else ", ".join(sorted(key.permissions)) or "nothing"
    return KeyRow(key.key_id, key.name, scope, key.used_at, f"{key.expires_at:%-d %B %Y}", key.expires_at <= now)


def invitation_row(invitation: Invitation, now: datetime, most_resends: int) -> InvitationRow:
    status = invitation.status(now)
    return InvitationRow(
        invitation.invitation_id,
        invitation.email,
        invitation.role.value,
        INVITATION_LOOKS[status],
        invitation.expires_at,
        status is InvitationStatus.PENDING,
        most_resends - invitation.resends if invitation.stored is InvitationStatus.PENDING else 0,
    )
