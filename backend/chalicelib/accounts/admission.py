"""In which tenant a signed-in user is, and as what, at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.accounts import sessions, store
from chalicelib.accounts.model import Caller, Origin, Role, Standing, TenantStatus
from chalicelib.accounts.permissions import Permission, TenantAsleep, no_such_tenant, require
from chalicelib.accounts.sessions import Ticket
from chalicelib.errors import NotSignedIn
from chalicelib.identity import User
from chalicelib.wiring import Ports

NOWHERE = "You are not a member of an organisation any more."


_KNOWN = 10_000
_seen: dict[str, str] = {}
"""In which tenant a session was seen last by this process: a guess that saves a read, and is checked."""


def in_session(ports: Ports, ticket: Ticket, tenant_id: str, origin: Origin) -> Caller:
    """In the tenant that is named; else in the session's own, or in the next best where that is closed to the user.

    Raises NotSignedIn; NotFound for a tenant that is not theirs; TenantAsleep.
    """
    guess = tenant_id or _seen.get(ticket.session_id, "")
    places = [guess] if guess.isalnum() else []
    document, *read = ports.documents.get_many([ticket.key, *store.standing_keys(ticket.user_id, places)])
    session = sessions.found(ports, ticket, document)
    user = User(session.user_id, session.email)
    wanted = tenant_id or session.tenant_id
    found = _one(store.to_standings(read)) if wanted == guess else standing(ports, user, wanted)
    _see(ticket.session_id, session.tenant_id)
    if found is None and tenant_id:
        raise no_such_tenant(tenant_id)
    if found is None or (not tenant_id and _is_closed(found)):
        found = home(ports, user)
    return caller_in(found, user, session_id=session.session_id, origin=origin)


def standing(ports: Ports, user: User, tenant_id: str) -> Standing | None:
    """None where the user has no business."""
    return _one(store.standings(ports.documents, user.user_id, [tenant_id])) if tenant_id.isalnum() else None


def home(ports: Ports, user: User) -> Standing:
    """The user's oldest tenant that they can work in, or else look into. Raises NotSignedIn, TenantAsleep."""
    places = places_of(ports, user)
    if not places:
        raise NotSignedIn(NOWHERE)
    return min(places, key=lambda each: (each.status.asleep, not _is_admin(each)))


def at_home(ports: Ports, user: User, origin: Origin) -> Caller | None:
    """The user where they are at home, for the audit; None for who is nowhere, or where only admins get in."""
    try:
        return caller_in(home(ports, user), user, origin=origin)
    except (NotSignedIn, TenantAsleep):
        return None


def places_of(ports: Ports, user: User) -> list[Standing]:
    """Every tenant of which the user is a member, the oldest first."""
    tenant_ids = [each.tenant_id for each in store.memberships(ports.documents, user.user_id)]
    return [each for each in store.standings(ports.documents, user.user_id, tenant_ids) if _is_known(each)]


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant of which somebody is a member."""

    tenant_id: str
    organisation: str
    status: TenantStatus
    role: Role


def list_places(ports: Ports, caller: Caller) -> list[Place]:
    """Of oneself, the oldest tenant first; with an API key, the key's tenant alone."""
    require(caller, Permission.ACCOUNT_READ)
    found = places_of(ports, User(caller.user_id, caller.email))
    return [
        Place(each.tenant_id, each.organisation, each.status, each.member.role)
        for each in found
        if each.member and (not caller.key_id or each.tenant_id == caller.tenant_id)
    ]


def caller_in(
    place: Standing,
    user: User,
    *,
    session_id: str = "",
    origin: Origin,
) -> Caller:
    """Raises TenantAsleep for whoever is no admin of a tenant that is parked or suspended."""
    if _is_closed(place):
        raise TenantAsleep(f"{place.organisation} is {place.status}: only its admins can sign in.")
    return Caller(
        user_id=user.user_id,
        email=user.email,
        tenant_id=place.tenant_id,
        organisation=place.organisation,
        role=place.member.role if place.member else Role.ADMIN,
        tenant_status=place.status,
        platform_admin=place.platform_admin,
        session_id=session_id,
        origin=origin,
        request_rate=place.request_rate,
        storage_limit=place.storage_limit,
    )


def _one(found: Sequence[Standing]) -> Standing | None:
    return found[0] if found and _is_known(found[0]) else None


def _see(session_id: str, tenant_id: str) -> None:
    if len(_seen) >= _KNOWN:
        _seen.clear()
    _seen[session_id] = tenant_id


def _is_closed(place: Standing) -> bool:
    return place.status.asleep and not (_is_admin(place) or place.platform_admin)


def _is_known(place: Standing) -> bool:
    alive = place.member is not None and place.status is not TenantStatus.DEPROVISIONED
    return alive or place.platform_admin


def _is_admin(place: Standing) -> bool:
    return place.member is not None and place.member.role is Role.ADMIN
