"""Who runs the platform. Only somebody at the machine itself makes people platform admins."""

from chalicelib.accounts import admission, store
from chalicelib.accounts.model import Caller, Role
from chalicelib.audit.recording import entry
from chalicelib.documents import Put
from chalicelib.errors import NotFound
from chalicelib.identity import User
from chalicelib.wiring import Ports

AT_THE_MACHINE = "millrace admins"


def grant(ports: Ports, email: str) -> None:
    """Raises NotFound."""
    user = _find(ports, email)
    ports.documents.transact([store.put_platform_admin(user.user_id), _told(ports, user, "grant")])


def withdraw(ports: Ports, email: str) -> None:
    """From the next request on. Raises NotFound."""
    user = _find(ports, email)
    ports.documents.transact([store.delete_platform_admin(user.user_id), _told(ports, user, "withdraw")])


def _find(ports: Ports, email: str) -> User:
    user = ports.identity.find_user(email)
    if user is None:
        raise NotFound(f"There is no account with the address {email}; sign up first.")
    return user


def _told(ports: Ports, user: User, action: str) -> Put:
    """In the audit of the organisation where the user is at home."""
    home = admission.home(ports, user)
    by = Caller("", AT_THE_MACHINE, home.tenant_id, home.organisation, Role.ADMIN)
    return entry(ports.clock, by, f"platform.{action}", f"user/{user.user_id}", after={"email": user.email})
