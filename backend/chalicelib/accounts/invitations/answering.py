"""Accepting and declining, as whoever was invited does. The token in the mail proves who that is."""

from dataclasses import dataclass

from chalicelib.accounts import operations as signing_in
from chalicelib.accounts import store as accounts
from chalicelib.accounts.invitations import store
from chalicelib.accounts.invitations.model import Invitation, InvitationStatus
from chalicelib.accounts.invitations.operations import hash_of, told
from chalicelib.accounts.members import operations as members
from chalicelib.accounts.members import roster
from chalicelib.accounts.model import Caller, Origin, TenantStatus
from chalicelib.accounts.permissions import TenantAsleep
from chalicelib.accounts.rules import PASSWORD_RULE, is_password
from chalicelib.accounts.tenants.store import get_tenant
from chalicelib.documents import ConditionFailed, Write
from chalicelib.errors import Fault, Invalid, NotAllowed, NotFound
from chalicelib.identity import EmailTaken, User
from chalicelib.wiring import Ports


@dataclass(frozen=True, slots=True)
class Shown:
    """`has_account`: the invited address has one, so that accepting takes no password."""

    invitation: Invitation
    has_account: bool


def look(ports: Ports, token: str) -> Shown:
    """Raises NotFound, InvitationEnded, InvitationExpired."""
    invitation = _find_open(ports, token)
    return Shown(invitation, ports.identity.find_user(invitation.email) is not None)


def accept(ports: Ports, token: str, *, password: str = "", caller: Caller | None = None, origin: Origin) -> Invitation:
    """The invited user is a member then; one without an account gets it, with this password.

    A password that is given for an account that is there must be right. Raises what `look` does; NotAllowed when the
    caller is somebody else, AlreadyMember, TenantAsleep, WrongPassword.
    """
    for _ in range(roster.TRIES):
        invitation = _find_open(ports, token)
        _check_place(ports, invitation)
        if caller and caller.email != invitation.email:
            raise NotAllowed(f"The invitation is for {invitation.email}; you are signed in as {caller.email}.")
        user = ports.identity.find_user(invitation.email)
        if user and password:
            signing_in.check_password(ports, user.email, password, origin)
        try:
            if user:
                ports.documents.transact(_joining(ports, invitation, user, origin))
            else:
                _sign_up(ports, invitation, password, origin)
        except (ConditionFailed, EmailTaken):
            # Somebody accepted, cancelled or signed up meanwhile: the next look tells.
            continue
        return invitation
    raise roster.busy()


def decline(ports: Ports, token: str, *, origin: Origin) -> None:
    """Raises what `look` does."""
    for _ in range(roster.TRIES):
        invitation = _find_open(ports, token)
        after = invitation.ended(InvitationStatus.DECLINED, ports.clock.now())
        by = _as_caller(invitation, User("", invitation.email), origin)
        try:
            ports.documents.transact([store.put(after), store.delete_invited(after), told(ports, by, "decline", after)])
        except ConditionFailed:
            continue
        return
    raise roster.busy()


def _sign_up(ports: Ports, invitation: Invitation, password: str, origin: Origin) -> None:
    if not is_password(password):
        raise Invalid("You have no account yet: choose a password.", [Fault("password", PASSWORD_RULE)])
    ports.identity.create_user(invitation.email, password, along=lambda user: _joining(ports, invitation, user, origin))


def _joining(ports: Ports, invitation: Invitation, user: User, origin: Origin) -> list[Write]:
    now = ports.clock.now()
    after = invitation.ended(InvitationStatus.ACCEPTED, now)
    change = members.joining(ports, invitation.tenant_id, user.user_id, user.email, invitation.role)
    by = _as_caller(invitation, user, origin)
    return [
        store.put(after),
        store.delete_invited(after),
        *roster.writes(change),
        accounts.put_verified(user.user_id, now),
        told(ports, by, "accept", after),
        members.told(ports, by, change),
    ]


def _as_caller(invitation: Invitation, user: User, origin: Origin) -> Caller:
    """For the audit."""
    return Caller(
        user_id=user.user_id,
        email=user.email,
        tenant_id=invitation.tenant_id,
        organisation=invitation.organisation,
        role=invitation.role,
        origin=origin,
    )


def _find_open(ports: Ports, token: str) -> Invitation:
    found = store.find_by_token(ports.documents, hash_of(token))
    if found is None:
        raise NotFound("There is no such invitation; a newer mail may have replaced this link.")
    found.check_open(ports.clock.now())
    return found


def _check_place(ports: Ports, invitation: Invitation) -> None:
    tenant = get_tenant(ports.documents, invitation.tenant_id)
    if tenant is None or tenant.status is TenantStatus.DEPROVISIONED:
        raise NotFound("The organisation is not there any more.")
    if tenant.status.asleep:
        raise TenantAsleep(f"{tenant.organisation} is {tenant.status}: nobody can join it at present.")
