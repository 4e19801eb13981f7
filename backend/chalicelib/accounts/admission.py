"""In which tenant a signed-in user is, and as what, at this moment."""

from dataclasses import dataclass

from chalicelib.accounts import store
from chalicelib.accounts.model import Caller, Origin, Role, Session, Standing, TenantStatus
from chalicelib.accounts.permissions import Permission, TenantAsleep, no_such_tenant, require
from chalicelib.errors import NotSignedIn
from chalicelib.identity import User
from chalicelib.wiring import Ports

NOWHERE = "You are not a member of an organisation any more."


def in_session(ports: Ports, session: Session, tenant_id: str, origin: Origin) -> Caller:
    """In the tenant that is named; else in the session's own, or in the next best where that is closed to the user."""
    user = User(session.user_id, session.email)
    wanted = tenant_id or session.tenant_id
    found = standing(ports, user, wanted)
    if found is None and tenant_id:
        raise no_such_tenant(tenant_id)
    if found is None or (not tenant_id and _is_closed(found)):
        found = home(ports, user)
    return caller_in(found, user, session_id=session.session_id, origin=origin)


def standing(ports: Ports, user: User, tenant_id: str) -> Standing | None:
    """None where the user has no business."""
    found = store.standings(ports.documents, user.user_id, [tenant_id]) if tenant_id.isalnum() else []
    return found[0] if found and _is_known(found[0]) else None


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
    )


def _is_closed(place: Standing) -> bool:
    return place.status.asleep and not (_is_admin(place) or place.platform_admin)


def _is_known(place: Standing) -> bool:
    alive = place.member is not None and place.status is not TenantStatus.DEPROVISIONED
    return alive or place.platform_admin


def _is_admin(place: Standing) -> bool:
    return place.member is not None and place.member.role is Role.ADMIN
