"""Changing a password, and getting in again without it."""

import logging

from chalicelib.accounts import admission, operations, proofs, sessions, store
from chalicelib.accounts.model import Caller, Origin
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.proofs import Purpose
from chalicelib.accounts.rules import PASSWORD_RULE, is_password
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Write
from chalicelib.errors import Fault, Invalid, NotFound, TooMany, Unavailable
from chalicelib.identity import User
from chalicelib.letters import letter
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)


def change(ports: Ports, caller: Caller, *, current: str, new: str) -> None:
    """All other sessions of the user end. Raises WrongPassword, TooMany, Invalid."""
    require(caller, Permission.ACCOUNT_WRITE)
    _check(new, "new")
    user = operations.check_password(ports, caller.email, current, caller.origin)
    told = entry(ports.clock, caller, "password.change", f"user/{caller.user_id}")
    ports.identity.set_password(user, new, along=[told])
    _after(ports, user, caller.origin, but=caller.session_id)


def forget(ports: Ports, email: str) -> None:
    """A mail with a link, if there is an account; nothing tells whether there is."""
    user = ports.identity.find_user(email)
    if user is None:
        return
    try:
        proofs.send(ports, Purpose.RESET, user)
    except TooMany:
        return
    except Unavailable:
        # An error would tell that there is an account.
        log.exception("A mail for a forgotten password was not sent")


def reset(ports: Ports, token: str, password: str, origin: Origin) -> User:
    """By the link of a mail. All sessions of the user end. Raises NotFound, Invalid."""
    proof = proofs.find(ports, Purpose.RESET, token)
    _check(password, "password")
    user = proof.user
    along: list[Write] = [proof.used_up, store.put_verified(user.user_id, ports.clock.now())]
    if caller := admission.at_home(ports, user, origin):
        along.append(entry(ports.clock, caller, "password.reset", f"user/{user.user_id}"))
    try:
        ports.identity.set_password(user, password, along=along)
    except ConditionFailed:
        raise NotFound(proofs.USED) from None
    _after(ports, user, origin)
    return user


def _check(password: str, place: str) -> None:
    if not is_password(password):
        raise Invalid("The new password has faults.", [Fault(place, PASSWORD_RULE)])


def _after(ports: Ports, user: User, origin: Origin, *, but: str = "") -> None:
    sessions.end_all(ports, user.user_id, but=but)
    store.delete_lockout(ports.documents, user.email, origin.address)
    at = ports.clock.now().strftime("%-d %B %Y, %H:%M UTC")
    words = {"at": at, "address": origin.address, "link": f"{ports.settings.address}/password/forgot"}
    try:
        ports.mail.send(letter("changed", user.email, **words))
    except Unavailable:
        log.exception("A mail about a changed password was not sent")
