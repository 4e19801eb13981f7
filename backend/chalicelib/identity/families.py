"""Refresh tokens that work once. All that come from one sign-in are a family, which is a session.

A token is `<family>.<secret>`; the family's document keeps the hash of the secret that works. Showing an older secret
ends the family, since one of two people who have it must have stolen it.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta

from chalicelib.clock import Clock
from chalicelib.documents import Absent, ConditionFailed, Delete, Document, Documents, Key, Put, VersionIs
from chalicelib.errors import NotSignedIn
from chalicelib.identity import SignedIn, TokenReused, User

REFRESH_LASTS = timedelta(days=30)


class Families:
    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    def begin(self, user: User, session_id: str = "") -> str:
        """The first refresh token of a new session, whose id is made unless somebody else has made it."""
        return self._put(user, session_id or secrets.token_hex(16), None)

    def renew(self, refresh_token: str) -> tuple[SignedIn, str]:
        """The session with its next refresh token. Raises TokenReused, NotSignedIn."""
        family, found = self._find(refresh_token)
        if found is None:
            raise NotSignedIn("This refresh token is unknown or has expired; sign in again.")
        session = SignedIn(_user(found), family)
        if not _matches(found, refresh_token):
            self._end(found)
            raise TokenReused(session)
        try:
            return session, self._put(session.user, family, found)
        except ConditionFailed:
            # Two used it at once: one of them may have stolen it.
            self._end(found)
            raise TokenReused(session) from None

    def end(self, refresh_token: str) -> SignedIn | None:
        """The session that is over now, if the token was one of its."""
        family, found = self._find(refresh_token)
        if found is None or not _matches(found, refresh_token):
            return None
        self._end(found)
        return SignedIn(_user(found), family)

    def _find(self, refresh_token: str) -> tuple[str, Document | None]:
        family, _, secret = refresh_token.partition(".")
        readable = family.isalnum() and family.isascii() and len(family) == 32 and secret  # noqa: PLR2004 - 16 bytes
        return family, self._documents.get(_key(family)) if readable else None

    def _end(self, found: Document) -> None:
        self._documents.transact([Delete(found.key)])

    def _put(self, user: User, family: str, before: Document | None) -> str:
        secret = secrets.token_urlsafe(32)
        body = {"user_id": user.user_id, "email": user.email, "token": _digest(secret)}
        condition = VersionIs(before.version) if before else Absent()
        expires = self._clock.now() + REFRESH_LASTS
        self._documents.transact([Put(_key(family), body, [condition], expires=expires)])
        return f"{family}.{secret}"


def session_of(refresh_token: str) -> str:
    return refresh_token.partition(".")[0]


def _user(found: Document) -> User:
    return User(found.body["user_id"], found.body["email"])


def _matches(found: Document, refresh_token: str) -> bool:
    return hmac.compare_digest(found.body["token"], _digest(refresh_token.partition(".")[2]))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(family: str) -> Key:
    return Key(f"session#{family}", "refresh")
