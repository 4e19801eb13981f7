"""Sign-ins: each is one session, which its user sees and can end at once.

Those of the API begin with a pair of tokens, those of the pages with a cookie `<user>.<secret>`, of which only the hash
is kept.
"""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from chalicelib.accounts.model import Caller, Origin, Session, SessionKind
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.clock import from_text, to_text
from chalicelib.documents import (
    Absent,
    ConditionFailed,
    Delete,
    Document,
    Exists,
    Key,
    Put,
    Range,
    Update,
)
from chalicelib.errors import NotFound, NotSignedIn
from chalicelib.identity import SignedIn, User
from chalicelib.wiring import Ports

LIFE = timedelta(days=30)
NOTED_EVERY = timedelta(minutes=1)
"""Its last use is written at most this often."""


def begin(ports: Ports, signed_in: SignedIn, *, kind: SessionKind, tenant_id: str, origin: Origin) -> None:
    now = ports.clock.now()
    session = Session(
        session_id=signed_in.session_id,
        user_id=signed_in.user.user_id,
        email=signed_in.user.email,
        kind=kind,
        tenant_id=tenant_id,
        created_at=now,
        used_at=now,
        address=origin.address,
        user_agent=origin.user_agent,
    )
    ports.documents.transact([_put(session, Absent())])


def new_cookie(user: User) -> str:
    return f"{user.user_id}.{secrets.token_urlsafe(32)}"


def id_of(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a request shows to be of a session; `refusal` is what its sender is told when there is none."""

    user_id: str
    session_id: str
    refusal: str

    @property
    def key(self) -> Key:
        return _key(self.user_id, self.session_id)


def of_cookie(cookie: str) -> Ticket:
    """Raises NotSignedIn for what is none of ours."""
    refusal = "Sign in to see this page."
    user_id, dot, _ = cookie.partition(".")
    if not (user_id.isalnum() and dot):
        raise NotSignedIn(refusal)
    return Ticket(user_id, id_of(cookie), refusal)


def of_token(signed_in: SignedIn) -> Ticket:
    return Ticket(signed_in.user.user_id, signed_in.session_id, "This session was ended; sign in again.")


def found(ports: Ports, ticket: Ticket, document: Document | None) -> Session:
    """The session whose document was looked for by the ticket's key. Raises NotSignedIn when it has ended."""
    if document is None:
        raise NotSignedIn(ticket.refusal)
    session = _to_session(document)
    now = ports.clock.now()
    if now - session.used_at < NOTED_EVERY:
        return session
    try:
        ports.documents.transact([Update(document.key, set={"used_at": to_text(now)})])
    except ConditionFailed:
        raise NotSignedIn(ticket.refusal) from None
    return replace(session, used_at=now)


def go_on(ports: Ports, signed_in: SignedIn, origin: Origin) -> None:
    """Another month, from wherever it is used now. Raises NotSignedIn when it was ended."""
    ticket = of_token(signed_in)
    session = found(ports, ticket, ports.documents.get(ticket.key))
    fresh = replace(session, used_at=ports.clock.now(), address=origin.address, user_agent=origin.user_agent)
    try:
        ports.documents.transact([_put(fresh, Exists())])
    except ConditionFailed:
        raise NotSignedIn(ticket.refusal) from None


def move(ports: Ports, caller: Caller, tenant_id: str) -> None:
    """Work in another tenant from now on."""
    ports.documents.transact([Update(_key(caller.user_id, caller.session_id), set={"tenant_id": tenant_id})])


def end(ports: Ports, signed_in: SignedIn) -> None:
    ports.documents.transact([Delete(_key(signed_in.user.user_id, signed_in.session_id))])


def end_of_cookie(ports: Ports, cookie: str) -> None:
    user_id, dot, _ = cookie.partition(".")
    if user_id.isalnum() and dot:
        ports.documents.transact([Delete(_key(user_id, id_of(cookie)))])


def end_all(ports: Ports, user_id: str, *, but: str = "") -> None:
    for each in list(_all(ports, user_id)):
        if each.session_id != but:
            ports.documents.transact([Delete(_key(user_id, each.session_id))])


def list_sessions(ports: Ports, caller: Caller) -> list[Session]:
    """One's own, the latest used first."""
    require(caller, Permission.ACCOUNT_READ)
    return sorted(_all(ports, caller.user_id), key=lambda each: each.used_at, reverse=True)


def revoke(ports: Ports, caller: Caller, session_id: str) -> None:
    """End one of one's own. What it was used for ends with the next request."""
    require(caller, Permission.ACCOUNT_WRITE)
    told = entry(ports.clock, caller, "session.revoke", f"session/{session_id[:100]}")
    try:
        ports.documents.transact([Delete(_key(caller.user_id, session_id), [Exists()]), told])
    except ConditionFailed:
        raise NotFound(f"You have no session {session_id[:100]}.") from None


def _all(ports: Ports, user_id: str) -> Iterator[Session]:
    cursor = None
    while True:
        page = ports.documents.query(f"user#{user_id}", Range(prefix="session#"), cursor=cursor)
        yield from map(_to_session, page.items)
        cursor = page.cursor
        if cursor is None:
            return


def _put(session: Session, condition: Absent | Exists) -> Put:
    body = asdict(session) | {"created_at": to_text(session.created_at), "used_at": to_text(session.used_at)}
    return Put(_key(session.user_id, session.session_id), body, [condition], expires=session.used_at + LIFE)


def _to_session(document: Document) -> Session:
    body = document.body
    times = {"created_at": from_text(body["created_at"]), "used_at": from_text(body["used_at"])}
    return Session(**{**body, **times, "kind": SessionKind(body["kind"])})


def _key(user_id: str, session_id: str) -> Key:
    return Key(f"user#{user_id}", f"session#{session_id[:100]}")
