"""Signing up and in, and who a token stands for. The API and the pages use these alike."""

from datetime import timedelta

from chalicelib.accounts import store
from chalicelib.accounts.model import Caller, Role
from chalicelib.accounts.rules import EMAIL_RULE, ORGANISATION_RULE, is_email, is_organisation
from chalicelib.accounts.tenants import store as tenants
from chalicelib.accounts.tenants.model import OrganisationTaken, Tenant
from chalicelib.documents import ConditionFailed, Write
from chalicelib.errors import Fault, Invalid, NotSignedIn, TooMany
from chalicelib.identity import Tokens, User, WrongPassword
from chalicelib.wiring import Ports

LOCKOUT_KEPT = timedelta(hours=24)
PASSWORD_LENGTHS = range(10, 201)
PASSWORD_RULE = "must have 10 to 200 characters"  # noqa: S105 - a sentence


def signup(ports: Ports, *, email: str, password: str, organisation: str) -> User:
    """A user, their organisation and its first admin, all or none."""
    email, organisation = email.strip(), organisation.strip()
    if faults := signup_faults(email=email, password=password, organisation=organisation):
        raise Invalid("The sign-up has faults.", faults)
    now = ports.clock.now()
    tenant = Tenant(tenant_id=ports.clock.new_id(), organisation=organisation, created_at=now, contact_email=email)

    def along(user: User) -> list[Write]:
        return [*tenants.creation(tenant), store.member_write(user, tenant.tenant_id, Role.ADMIN, now)]

    try:
        return ports.identity.create_user(email, password, along=along)
    except ConditionFailed as error:
        if tenants.organisation_key(organisation) in error.keys:
            raise OrganisationTaken(organisation) from None
        raise


def signup_faults(*, email: str, password: str, organisation: str) -> list[Fault]:
    faults = []
    if not is_email(email):
        faults.append(Fault("email", EMAIL_RULE))
    if len(password) not in PASSWORD_LENGTHS:
        faults.append(Fault("password", PASSWORD_RULE))
    if not is_organisation(organisation):
        faults.append(Fault("organisation", ORGANISATION_RULE))
    return faults


def login(ports: Ports, *, email: str, password: str, address: str) -> User:
    """Whose password it is. Raises WrongPassword; TooMany after several failures from this network address."""
    email = email.strip().lower()
    lockout = store.get_lockout(ports.documents, email, address)
    if wait := lockout.seconds_left(ports.clock.now()):
        raise TooMany(f"Too many failed attempts to sign in. Try again in {wait} s.", wait)
    try:
        # Longer ones were never accepted, and are not worth the hashing.
        user = ports.identity.check_password(email, password[: PASSWORD_LENGTHS.stop])
    except WrongPassword:
        _count_failure(ports, email, address)
        raise
    if lockout.failures:
        store.delete_lockout(ports.documents, email, address)
    return user


def _count_failure(ports: Ports, email: str, address: str) -> None:
    counted = False
    while not counted:
        now = ports.clock.now()
        failed = store.get_lockout(ports.documents, email, address).after_failure(now)
        counted = store.put_lockout(ports.documents, email, address, failed, expires=now + LOCKOUT_KEPT)


def issue(ports: Ports, user: User) -> Tokens:
    """Tokens that sign the user in to the API."""
    return ports.identity.issue(user)


def refresh(ports: Ports, refresh_token: str) -> Tokens:
    return ports.identity.refresh(refresh_token)


def logout(ports: Ports, refresh_token: str) -> None:
    ports.identity.revoke(refresh_token)


def authenticate(ports: Ports, token: str) -> Caller:
    """Who an access token stands for. Raises NotSignedIn."""
    return caller_of(ports, ports.identity.verify(token))


def caller_of(ports: Ports, user: User) -> Caller:
    """The user with the organisation and the role they have at this moment. Raises NotSignedIn."""
    caller = store.find_caller(ports.documents, user)
    if caller is None:
        raise NotSignedIn("You are not a member of an organisation any more.")
    return caller
