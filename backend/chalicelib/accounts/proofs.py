"""Links in mails: whoever opens one has proved that the address is theirs. Each works once; only its hash is kept."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from chalicelib.accounts import admission, store
from chalicelib.accounts.model import Caller, Origin
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import Absent, ConditionFailed, Delete, Exists, Key, Put, Write
from chalicelib.errors import Conflict, NotFound, TooMany
from chalicelib.identity import User
from chalicelib.letters import letter
from chalicelib.wiring import Ports


class Purpose(StrEnum):
    RESET = "reset"
    VERIFICATION = "verification"


LASTS: Mapping[Purpose, timedelta] = {Purpose.RESET: timedelta(hours=1), Purpose.VERIFICATION: timedelta(days=7)}
PATHS: Mapping[Purpose, str] = {Purpose.RESET: "/password/reset", Purpose.VERIFICATION: "/email/verify"}
USED = "This link was used already, or is too old; ask for a new one."
PAUSE = timedelta(minutes=1)
"""Between two mails of one kind to one address."""


@dataclass(frozen=True, slots=True)
class Proof:
    user: User
    used_up: Delete
    """Fails when the link was used."""


class AlreadyVerified(Conflict):
    type = "already-verified"
    title = "The address is confirmed already"


def send(ports: Ports, purpose: Purpose, user: User) -> None:
    """Raises TooMany when one has just been sent, Unavailable."""
    now = ports.clock.now()
    paused = Put(_pause_key(purpose, user.email), {}, [Absent()], expires=now + PAUSE)
    token = secrets.token_urlsafe(32)
    body = {"user_id": user.user_id, "email": user.email}
    try:
        ports.documents.transact([paused, Put(_key(purpose, token), body, [Absent()], expires=now + LASTS[purpose])])
    except ConditionFailed:
        raise TooMany("A mail was sent a moment ago; look for it before you ask for another.", 60) from None
    link = f"{ports.settings.address}{PATHS[purpose]}?token={token}"
    ports.mail.send(letter(purpose.value, user.email, link=link))


def find(ports: Ports, purpose: Purpose, token: str) -> Proof:
    """Raises NotFound."""
    found = ports.documents.get(_key(purpose, token))
    if found is None:
        raise NotFound(USED)
    return Proof(User(found.body["user_id"], found.body["email"]), Delete(found.key, [Exists()]))


def verify(ports: Ports, token: str, origin: Origin) -> None:
    """The address of the link is its user's. Raises NotFound."""
    proof = find(ports, Purpose.VERIFICATION, token)
    writes: list[Write] = [proof.used_up, store.put_verified(proof.user.user_id, ports.clock.now())]
    if caller := admission.at_home(ports, proof.user, origin):
        writes.append(entry(ports.clock, caller, "email.verify", f"user/{proof.user.user_id}"))
    try:
        ports.documents.transact(writes)
    except ConditionFailed:
        raise NotFound(USED) from None


def send_verification(ports: Ports, caller: Caller) -> None:
    """Raises AlreadyVerified, TooMany."""
    require(caller, Permission.ACCOUNT_WRITE)
    if is_verified(ports, caller):
        raise AlreadyVerified(f"{caller.email} is confirmed.")
    send(ports, Purpose.VERIFICATION, User(caller.user_id, caller.email))
    ports.documents.transact([entry(ports.clock, caller, "email.verification", f"user/{caller.user_id}")])


def is_verified(ports: Ports, caller: Caller) -> bool:
    require(caller, Permission.ACCOUNT_READ)
    return store.is_verified(ports.documents, caller.user_id)


def _key(purpose: Purpose, token: str) -> Key:
    return Key(f"proof#{purpose}#{hashlib.sha256(token.encode()).hexdigest()}", "proof")


def _pause_key(purpose: Purpose, email: str) -> Key:
    return Key(f"pause#{purpose}#{hashlib.sha256(email.encode()).hexdigest()}", "pause")
