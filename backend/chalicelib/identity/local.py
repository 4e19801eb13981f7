"""Users in the document store: passwords as argon2id, access tokens as signed JWTs, refresh tokens as hashes."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import argon2
import jwt

from chalicelib.clock import Clock, to_text
from chalicelib.documents import Absent, ConditionFailed, Document, Documents, Key, Put, Update, Write
from chalicelib.errors import NotSignedIn
from chalicelib.identity import EmailTaken, SignedIn, Tokens, User, WrongPassword, nothing_else
from chalicelib.identity.families import Families, session_of
from chalicelib.identity.signing import SigningKeys
from chalicelib.keys import Keys

ACCESS_LASTS = timedelta(minutes=15)
HASHES_AT_ONCE = 2
"""Each takes 19 MiB while it runs; a burst of sign-ins waits rather than keeps every core from other answers."""

HASHER = argon2.PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
"""OWASP's choice for argon2id: 25 ms of processor time here, where RFC 9106's for low memory takes 176 ms."""


class LocalIdentity:
    """`keys` holds those that sign. Tests give a cheaper `hasher`."""

    def __init__(
        self, documents: Documents, clock: Clock, keys: Keys, *, hasher: argon2.PasswordHasher = HASHER
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._keys = SigningKeys(keys)
        self._hasher = hasher
        self._nobody = _hash_of_nothing(hasher)
        self._hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._families = Families(documents, clock)

    def create_user(
        self, email: str, password: str, *, along: Callable[[User], Sequence[Write]] = nothing_else
    ) -> User:
        user = User(self._clock.new_id(), normalise(email))
        taken = _email_key(user.email)
        body = {
            "user_id": user.user_id,
            "email": user.email,
            "password": self._hash(password),
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

    def find_user(self, email: str) -> User | None:
        found = self._find(normalise(email))
        return User(found.body["user_id"], found.body["email"]) if found else None

    def set_password(self, user: User, password: str, *, along: Sequence[Write] = ()) -> None:
        changed = Update(_user_key(user.user_id), set={"password": self._hash(password)})
        self._documents.transact([changed, *along])

    def sign_in(self, email: str, password: str) -> tuple[User, Tokens]:
        user = self.check_password(email, password)
        return user, self._issue(user, self._families.begin(user))

    def verify(self, access_token: str) -> SignedIn:
        claims = self._claims(access_token)
        if claims["exp"] <= self._clock.now().timestamp():
            raise NotSignedIn("The access token has expired; refresh it or sign in again.")
        return SignedIn(User(claims["sub"], claims["email"]), claims["sid"])

    def refresh(self, refresh_token: str) -> Tokens:
        session, fresh = self._families.renew(refresh_token)
        return self._issue(session.user, fresh)

    def revoke(self, refresh_token: str) -> SignedIn | None:
        return self._families.end(refresh_token)

    def _issue(self, user: User, refresh_token: str) -> Tokens:
        expires_in = int(ACCESS_LASTS.total_seconds())
        session_id = session_of(refresh_token)
        claims = {
            "sub": user.user_id,
            "email": user.email,
            "sid": session_id,
            "exp": int(self._clock.now().timestamp()) + expires_in,
        }
        return Tokens(self._keys.sign(claims), refresh_token, expires_in, session_id)

    def _hash(self, password: str) -> str:
        with self._hashing:
            return self._hasher.hash(password)

    def _claims(self, access_token: str) -> dict[str, Any]:
        try:
            return self._keys.read(access_token)
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


def _user_key(user_id: str) -> Key:
    return Key(f"user#{user_id}", "identity")


def _email_key(email: str) -> Key:
    return Key(f"email#{email}", "user")
