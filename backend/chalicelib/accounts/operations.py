"""Signing up and in, and who a token stands for. The API and the pages use these alike."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from chalicelib.accounts import admission, keys, proofs, sessions, store
from chalicelib.accounts.model import Caller, Member, Origin, Role, SessionKind
from chalicelib.accounts.permissions import Permission, no_such_tenant, require
from chalicelib.accounts.proofs import Purpose
from chalicelib.accounts.rules import (
    EMAIL_RULE,
    ORGANISATION_RULE,
    PASSWORD_LENGTHS,
    PASSWORD_RULE,
    is_email,
    is_organisation,
    is_password,
)
from chalicelib.accounts.tenants import store as tenants
from chalicelib.accounts.tenants.model import OrganisationTaken, Tenant, told
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Write
from chalicelib.errors import Fault, Invalid, TooMany, Unavailable
from chalicelib.identity import SignedIn, TokenReused, Tokens, User, WrongPassword
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)
T = TypeVar("T")
NOWHERE = Origin()
LOCKOUT_KEPT = timedelta(hours=24)


def signup(ports: Ports, *, email: str, password: str, organisation: str, origin: Origin = NOWHERE) -> User:
    """A user, their organisation and its first admin, all or none."""
    email, organisation = email.strip(), organisation.strip()
    if faults := signup_faults(email=email, password=password, organisation=organisation):
        raise Invalid("The sign-up has faults.", faults)
    now = ports.clock.now()
    tenant = Tenant(tenant_id=ports.clock.new_id(), organisation=organisation, created_at=now, contact_email=email)

    def along(user: User) -> list[Write]:
        admin = Member(user.user_id, user.email, tenant.tenant_id, Role.ADMIN, now)
        caller = Caller(user.user_id, user.email, tenant.tenant_id, organisation, Role.ADMIN, origin=origin)
        recorded = entry(ports.clock, caller, "tenant.create", f"tenant/{tenant.tenant_id}", after=told(tenant))
        return [*tenants.creation(tenant), *store.founding(tenant.tenant_id, admin), recorded]

    try:
        user = ports.identity.create_user(email, password, along=along)
    except ConditionFailed as error:
        if tenants.organisation_key(organisation) in error.keys:
            raise OrganisationTaken(organisation) from None
        raise
    # Failed attempts from before there was an account must not keep its owner out.
    store.delete_lockout(ports.documents, user.email, origin.address)
    _send_verification(ports, user)
    return user


def _send_verification(ports: Ports, user: User) -> None:
    try:
        proofs.send(ports, Purpose.VERIFICATION, user)
    except Unavailable:
        # There is an account by now, and its page sends another mail.
        log.exception("A mail to confirm an address was not sent")


def signup_faults(*, email: str, password: str, organisation: str) -> list[Fault]:
    faults = []
    if not is_email(email):
        faults.append(Fault("email", EMAIL_RULE))
    if not is_password(password):
        faults.append(Fault("password", PASSWORD_RULE))
    if not is_organisation(organisation):
        faults.append(Fault("organisation", ORGANISATION_RULE))
    return faults


def login(ports: Ports, *, email: str, password: str, origin: Origin) -> Tokens:
    """Tokens that sign in to the API. Raises WrongPassword; TooMany after several failures from this address."""
    user, tokens = _checked(ports, email, password, origin, ports.identity.sign_in)
    _begin(ports, SignedIn(user, tokens.session_id), SessionKind.API, origin)
    return tokens


def login_pages(ports: Ports, *, email: str, password: str, origin: Origin, tenant_id: str = "") -> str:
    """The same for a browser: the cookie of its session."""
    return open_pages(ports, check_password(ports, email, password, origin), origin, tenant_id=tenant_id)


def open_pages(ports: Ports, user: User, origin: Origin, *, tenant_id: str = "") -> str:
    """The cookie of a browser whose user has just proved who they are; in their usual tenant unless one is named."""
    cookie = sessions.new_cookie(user)
    _begin(ports, SignedIn(user, sessions.id_of(cookie)), SessionKind.PAGES, origin, tenant_id)
    return cookie


def switch(ports: Ports, caller: Caller, tenant_id: str) -> None:
    """Work in another tenant from now on. Raises NotFound, TenantAsleep."""
    require(caller, Permission.ACCOUNT_READ)
    user = User(caller.user_id, caller.email)
    place = admission.standing(ports, user, tenant_id)
    if place is None:
        raise no_such_tenant(tenant_id)
    admission.caller_in(place, user, origin=caller.origin)
    sessions.move(ports, caller, tenant_id)


def _begin(ports: Ports, signed_in: SignedIn, kind: SessionKind, origin: Origin, tenant_id: str = "") -> None:
    """Raises TenantAsleep where only admins get in."""
    named = admission.standing(ports, signed_in.user, tenant_id) if tenant_id else None
    place = named or admission.home(ports, signed_in.user)
    admission.caller_in(place, signed_in.user, origin=origin)
    sessions.begin(ports, signed_in, kind=kind, tenant_id=place.tenant_id, origin=origin)


def check_password(ports: Ports, email: str, password: str, origin: Origin) -> User:
    """Whose it is. Raises WrongPassword, TooMany."""
    return _checked(ports, email, password, origin, ports.identity.check_password)


def _checked(ports: Ports, email: str, password: str, origin: Origin, check: Callable[[str, str], T]) -> T:
    email = email.strip().lower()
    lockout = store.get_lockout(ports.documents, email, origin.address)
    if wait := lockout.seconds_left(ports.clock.now()):
        raise TooMany(f"Too many failed attempts to sign in. Try again in {wait} s.", wait)
    try:
        # Longer ones were never accepted, and are not worth the hashing.
        checked = check(email, password[: PASSWORD_LENGTHS.stop])
    except WrongPassword:
        _count_failure(ports, email, origin.address)
        raise
    if lockout.failures:
        store.delete_lockout(ports.documents, email, origin.address)
    return checked


def _count_failure(ports: Ports, email: str, address: str) -> None:
    counted = False
    while not counted:
        now = ports.clock.now()
        failed = store.get_lockout(ports.documents, email, address).after_failure(now)
        counted = store.put_lockout(ports.documents, email, address, failed, expires=now + LOCKOUT_KEPT)


def refresh(ports: Ports, refresh_token: str, origin: Origin) -> Tokens:
    """Raises NotSignedIn for a token that does not work, and for one of a session that was ended."""
    try:
        tokens = ports.identity.refresh(refresh_token)
    except TokenReused as error:
        sessions.end(ports, error.session)
        raise
    sessions.go_on(ports, ports.identity.verify(tokens.access_token), origin)
    return tokens


def logout(ports: Ports, refresh_token: str) -> None:
    if session := ports.identity.revoke(refresh_token):
        sessions.end(ports, session)


def authenticate(ports: Ports, token: str, tenant_id: str = "", origin: Origin = NOWHERE) -> Caller:
    """Whose access token or API key it is. Raises NotSignedIn; NotFound for a tenant that is not theirs."""
    if keys.is_key(token):
        return keys.use(ports, token, tenant_id, origin)
    return admission.in_session(ports, sessions.of_token(ports.identity.verify(token)), tenant_id, origin)


def authenticate_pages(ports: Ports, cookie: str, tenant_id: str = "", origin: Origin = NOWHERE) -> Caller:
    return admission.in_session(ports, sessions.of_cookie(cookie), tenant_id, origin)
