"""Inviting people, as the admins of a tenant do."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.accounts import store as accounts
from chalicelib.accounts.invitations import store
from chalicelib.accounts.invitations.model import LASTS, AlreadyInvited, Invitation, InvitationStatus
from chalicelib.accounts.members.operations import AlreadyMember
from chalicelib.accounts.model import Caller, Role
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.rules import EMAIL_RULE, is_email
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Put, Write
from chalicelib.errors import Conflict, Fault, Invalid, NotFound, Unavailable
from chalicelib.letters import letter
from chalicelib.wiring import Ports

MOST_EXAMINED = 1000
TRIES = 10


@dataclass(frozen=True, slots=True)
class InvitationPage:
    items: Sequence[Invitation]
    cursor: str | None


def invite(
    ports: Ports, caller: Caller, tenant_id: str, *, email: str, role: Role, invitation_id: str | None = None
) -> Invitation:
    """Mails a link to the address. Raises AlreadyMember, AlreadyInvited, Unavailable."""
    require(caller, Permission.INVITATIONS_WRITE, tenant_id)
    email = email.strip().lower()
    if not is_email(email):
        raise Invalid("The invitation has faults.", [Fault("email", EMAIL_RULE)])
    _check_no_member(ports, tenant_id, email)
    now = ports.clock.now()
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        invitation_id=invitation_id or ports.clock.new_id(),
        tenant_id=tenant_id,
        organisation=caller.organisation,
        email=email,
        role=role,
        invited_by=caller.email,
        created_at=now,
        expires_at=now + LASTS,
        token_hash=hash_of(token),
    )
    try:
        ports.documents.transact([*store.creation(invitation), told(ports, caller, "create", invitation)])
    except ConditionFailed:
        if made := store.get(ports.documents, tenant_id, invitation.invitation_id):
            return made
        raise AlreadyInvited(f"{email} is invited already; send that invitation again.") from None
    return _mailed(ports, invitation, token)


def _mailed(ports: Ports, invitation: Invitation, token: str) -> Invitation:
    try:
        _send(ports, invitation, token)
    except Unavailable:
        # Nobody has its token: it would only stand in the way of the next attempt.
        ports.documents.transact(store.removal(invitation))
        raise
    return replace(invitation, version=1)


def list_invitations(
    ports: Ports,
    caller: Caller,
    tenant_id: str,
    *,
    status: InvitationStatus | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> InvitationPage:
    """The newest first, with those that are over."""
    require(caller, Permission.INVITATIONS_READ, tenant_id)
    now = ports.clock.now()
    found: list[Invitation] = []
    examined = 0
    while True:
        page = ports.documents.query(
            store.partition(tenant_id), limit=limit - len(found), cursor=cursor, descending=True
        )
        examined += len(page.items)
        all_ = map(store.to_invitation, page.items)
        found += [each for each in all_ if status is None or each.status(now) is status]
        cursor = page.cursor
        if cursor is None or len(found) >= limit or examined >= MOST_EXAMINED:
            return InvitationPage(found, cursor)


def get(ports: Ports, caller: Caller, tenant_id: str, invitation_id: str) -> Invitation:
    require(caller, Permission.INVITATIONS_READ, tenant_id)
    return _find(ports, tenant_id, invitation_id)


def resend(ports: Ports, caller: Caller, tenant_id: str, invitation_id: str) -> Invitation:
    """With a new link and a new week; the link of before does not work any more.

    Raises InvitationEnded, TooManyResends, AlreadyInvited.
    """
    require(caller, Permission.INVITATIONS_WRITE, tenant_id)
    for _ in range(TRIES):
        before = _find(ports, tenant_id, invitation_id)
        token = secrets.token_urlsafe(32)
        after = before.sent_again(hash_of(token), ports.clock.now())
        pending = store.pending_id(ports.documents, before)
        if pending not in ("", invitation_id):
            raise AlreadyInvited(f"There is a newer invitation for {before.email}.")
        writes: list[Write] = [
            store.put(after),
            store.delete_token(before.token_hash),
            store.put_token(after),
            store.put_invited(after, known=bool(pending)),
            told(ports, caller, "resend", after),
        ]
        try:
            ports.documents.transact(writes)
        except ConditionFailed:
            continue
        _send(ports, after, token)
        return replace(after, version=before.version + 1)
    raise _busy()


def cancel(ports: Ports, caller: Caller, tenant_id: str, invitation_id: str) -> Invitation:
    """Raises InvitationEnded, InvitationExpired."""
    require(caller, Permission.INVITATIONS_WRITE, tenant_id)
    for _ in range(TRIES):
        before = _find(ports, tenant_id, invitation_id)
        after = before.ended(InvitationStatus.CANCELLED, ports.clock.now())
        writes: list[Write] = [store.put(after), store.delete_invited(after), told(ports, caller, "cancel", after)]
        try:
            ports.documents.transact(writes)
        except ConditionFailed:
            continue
        return replace(after, version=before.version + 1)
    raise _busy()


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def told(ports: Ports, caller: Caller, action: str, invitation: Invitation) -> Put:
    return entry(
        ports.clock,
        caller,
        f"invitation.{action}",
        f"invitation/{invitation.invitation_id}",
        after={"email": invitation.email, "role": invitation.role.value, "status": invitation.stored.value},
        tenant_id=invitation.tenant_id,
    )


def _check_no_member(ports: Ports, tenant_id: str, email: str) -> None:
    user = ports.identity.find_user(email)
    if user and accounts.get_member(ports.documents, user.user_id, tenant_id):
        raise AlreadyMember(f"{email} is a member already.")


def _find(ports: Ports, tenant_id: str, invitation_id: str) -> Invitation:
    found = store.get(ports.documents, tenant_id, invitation_id)
    if found is None:
        raise NotFound(f"There is no invitation {invitation_id[:100]}.")
    return found


def _send(ports: Ports, invitation: Invitation, token: str) -> None:
    words = {
        "invited_by": invitation.invited_by,
        "organisation": invitation.organisation,
        "role": invitation.role.value,
        "until": invitation.expires_at.strftime("%-d %B %Y, %H:%M UTC"),
        "link": f"{ports.settings.address}/invitations/{token}",
    }
    ports.mail.send(letter("invitation", invitation.email, **words))


def _busy() -> Conflict:
    return Conflict("The invitation is changing too fast just now; try again.")
