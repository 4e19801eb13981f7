"""Port: who is calling. Users with passwords, and the tokens that stand for them.

- `create_user` raises EmailTaken for an address in use, whatever its case. What `along` returns is written with the
  user or not at all; a condition of it that fails raises ConditionFailed, and there is no user.
- `check_password` takes the same time for an unknown address and a wrong password, and raises the same WrongPassword.
  `sign_in` does so too, and begins a session.
- An access token lasts 15 minutes. A refresh token lasts 30 days and works once: refreshing returns a new pair of the
  same session, and using an old one again ends the session.
- `verify` raises NotSignedIn for anything but a live access token of ours. It does not ask whether the session goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.documents import Write
from chalicelib.errors import Conflict, NotSignedIn


class EmailTaken(Conflict):
    type = "email-taken"
    title = "There is an account with this address"


class WrongPassword(NotSignedIn):
    type = "wrong-password"
    title = "Address or password is wrong"


@dataclass(frozen=True, slots=True)
class User:
    user_id: str
    email: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """`expires_in` is the access token's life in seconds. `session_id` is what all pairs of one sign-in share."""

    access_token: str
    refresh_token: str
    expires_in: int
    session_id: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    session_id: str


class TokenReused(NotSignedIn):
    """Somebody else may have the refresh token, so the session it belongs to has ended."""

    def __init__(self, session: SignedIn) -> None:
        super().__init__("This refresh token was used before. To be safe, sign in again.")
        self.session = session


def nothing_else(_: User) -> Sequence[Write]:
    return ()


class Identity(Protocol):
    def create_user(
        self, email: str, password: str, *, along: Callable[[User], Sequence[Write]] = nothing_else
    ) -> User: ...

    def find_user(self, email: str) -> User | None: ...

    def check_password(self, email: str, password: str) -> User: ...

    def set_password(self, user: User, password: str, *, along: Sequence[Write] = ()) -> None:
        """Raises ConditionFailed, and leaves the old password, when a condition of what comes along fails."""
        ...

    def sign_in(self, email: str, password: str) -> tuple[User, Tokens]: ...

    def verify(self, access_token: str) -> SignedIn: ...

    def refresh(self, refresh_token: str) -> Tokens:
        """Raises TokenReused for one that was used, NotSignedIn for an unknown or expired one."""
        ...

    def revoke(self, refresh_token: str) -> SignedIn | None:
        """Sign out: nothing of this session refreshes again. None when the token is none that works."""
        ...
