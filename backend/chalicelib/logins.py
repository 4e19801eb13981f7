"""What `millrace login` keeps: one pair of tokens per server, in a file that only its owner can read."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Login:
    """`expires_at` is when the access token ends, in RFC 3339."""

    email: str
    access_token: str
    refresh_token: str
    expires_at: str


def read_login(file: Path, url: str) -> Login | None:
    stored = _read(file).get(url)
    return Login(**stored) if stored else None


def store_login(file: Path, url: str, login: Login | None) -> None:
    """None forgets it."""
    logins = _read(file)
    logins.pop(url, None)
    if login:
        logins[url] = asdict(login)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(logins, out, indent=2)
    fresh.replace(file)


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """A refresh token works once: two commands that used the same one would sign the user out."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        return json.loads(file.read_text())  # type: ignore[no-any-return]
    except FileNotFoundError:
        return {}
