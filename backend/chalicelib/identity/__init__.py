"""Port: who is calling. Users with passwords, and the tokens that stand for them.

- `create_user` raises EmailTaken for an address in use, whatever its case. What `along` returns is written with the
  user or not at all; a condition of it that fails raises ConditionFailed, and there is no user.
- `check_password` takes the same time for an unknown address and a wrong password, and raises the same WrongPassword.
- An access token lasts 15 minutes. A refresh token lasts 30 days and works once: refreshing returns a new pair, and
  using an old one again revokes all that came from the same sign-in.
- `verify` raises NotSignedIn for anything but a live access token of ours.
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
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def nothing_else(_: User) -> Sequence[Write]:
    return ()


class Identity(Protocol):
    def create_user(
        self, email: str, password: str, *, along: Callable[[User], Sequence[Write]] = nothing_else
    ) -> User: ...

    def check_password(self, email: str, password: str) -> User: ...

    def issue(self, user: User) -> Tokens: ...

    def verify(self, access_token: str) -> User: ...

    def refresh(self, refresh_token: str) -> Tokens:
        """Raises NotSignedIn for an unknown, used or expired token."""
        ...

    def revoke(self, refresh_token: str) -> None:
        """Sign out: nothing that came from this sign-in refreshes again. Unknown tokens are ignored."""
        ...
