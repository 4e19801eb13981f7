"""Users in the document store: passwords as argon2id, access tokens as signed JWTs, refresh tokens as hashes."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import argon2
import jwt

from chalicelib.clock import Clock, to_text
from chalicelib.documents import Absent, ConditionFailed, Delete, Document, Documents, Key, Put, VersionIs, Write
from chalicelib.errors import NotSignedIn
from chalicelib.identity import EmailTaken, Tokens, User, WrongPassword, nothing_else
from chalicelib.identity.signing import SigningKeys

ACCESS_LASTS = timedelta(minutes=15)
REFRESH_LASTS = timedelta(days=30)
HASHES_AT_ONCE = 2
"""Each takes 19 MiB while it runs; a burst of sign-ins waits rather than keeps every core from other answers."""

HASHER = argon2.PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
"""OWASP's choice for argon2id: 25 ms of processor time here, where RFC 9106's for low memory takes 176 ms."""


class LocalIdentity:
    """`keys` is the folder of the signing keys. Tests give a cheaper `hasher`."""

    def __init__(
        self, documents: Documents, clock: Clock, keys: Path, *, hasher: argon2.PasswordHasher = HASHER
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._keys = SigningKeys(keys / "tokens.json")
        self._hasher = hasher
        self._nobody = _hash_of_nothing(hasher)
        self._hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._read = lru_cache(maxsize=4096)(self._keys.read)

    def create_user(
        self, email: str, password: str, *, along: Callable[[User], Sequence[Write]] = nothing_else
    ) -> User:
        user = User(self._clock.new_id(), normalise(email))
        taken = _email_key(user.email)
        with self._hashing:
            hashed = self._hasher.hash(password)
        body = {
            "user_id": user.user_id,
            "email": user.email,
            "password": hashed,
            "created_at": to_text(self._clock.now()),
        }
        mine = [Put(_user_key(user.user_id), body, [Absent()]), Put(taken, {"user_id": user.user_id}, [Absent()])]
        try:
            self._documents.transact([*mine, *along(user)])
        except ConditionFailed as error:
            if taken in error.keys:
                raise EmailTaken(f"{user.email} has an account already; sign in instead.") from None
            raise
        return user

    def check_password(self, email: str, password: str) -> User:
        found = self._find(normalise(email))
        try:
            with self._hashing:
                self._hasher.verify(found.body["password"] if found else self._nobody, password)
        except argon2.exceptions.VerifyMismatchError:
            raise WrongPassword("There is no account with this address and password.") from None
        if found is None:
            raise WrongPassword("There is no account with this address and password.")
        return User(found.body["user_id"], found.body["email"])

    def issue(self, user: User) -> Tokens:
        return self._issue(user, secrets.token_hex(16), None)

    def verify(self, access_token: str) -> User:
        claims = self._claims(access_token)
        if claims["exp"] <= self._clock.now().timestamp():
            raise NotSignedIn("The access token has expired; refresh it or sign in again.")
        return User(claims["sub"], claims["email"])

    def refresh(self, refresh_token: str) -> Tokens:
        family, _, secret = refresh_token.partition(".")
        found = self._documents.get(_family_key(family)) if family.isalnum() and secret else None
        if found is None:
            raise NotSignedIn("This refresh token is unknown or has expired; sign in again.")
        if not hmac.compare_digest(found.body["token"], _digest(secret)):
            self._documents.transact([Delete(found.key)])
            raise NotSignedIn("This refresh token was used before. To be safe, sign in again.")
        try:
            return self._issue(User(found.body["user_id"], found.body["email"]), family, found)
        except ConditionFailed:
            # Two used it at once: one of them may have stolen it.
            self._documents.transact([Delete(found.key)])
            raise NotSignedIn("This refresh token was used twice at once. To be safe, sign in again.") from None

    def revoke(self, refresh_token: str) -> None:
        family, _, secret = refresh_token.partition(".")
        if family.isalnum() and secret:
            self._documents.transact([Delete(_family_key(family))])

    def _issue(self, user: User, family: str, before: Document | None) -> Tokens:
        now = self._clock.now()
        secret = secrets.token_urlsafe(32)
        body = {"user_id": user.user_id, "email": user.email, "token": _digest(secret)}
        condition = VersionIs(before.version) if before else Absent()
        self._documents.transact([Put(_family_key(family), body, [condition], expires=now + REFRESH_LASTS)])
        expires_in = int(ACCESS_LASTS.total_seconds())
        claims = {"sub": user.user_id, "email": user.email, "exp": int(now.timestamp()) + expires_in}
        return Tokens(self._keys.sign(claims), f"{family}.{secret}", expires_in)

    def _claims(self, access_token: str) -> dict[str, Any]:
        try:
            return self._read(access_token)
        except jwt.InvalidTokenError:
            raise NotSignedIn("The access token is not one of ours; sign in again.") from None

    def _find(self, email: str) -> Document | None:
        holder = self._documents.get(_email_key(email))
        return self._documents.get(_user_key(holder.body["user_id"])) if holder else None


def normalise(email: str) -> str:
    return email.strip().lower()


def _hash_of_nothing(hasher: argon2.PasswordHasher) -> str:
    """What no password matches, at the cost of a real one: an unknown address takes as long as a wrong password."""
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = "A" * (hasher.salt_len * 4 // 3 + 1), "A" * (hasher.hash_len * 4 // 3 + 1)
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _user_key(user_id: str) -> Key:
    return Key(f"user#{user_id}", "identity")


def _email_key(email: str) -> Key:
    return Key(f"email#{email}", "user")


def _family_key(family: str) -> Key:
    return Key(f"session#{family}", "refresh")
