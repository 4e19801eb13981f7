"""Port: comments on pull requests and issues of a code host.

A host's answers are believed; what it refuses is Refused, what may work later is Unavailable. No error tells a token.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

_SSH = re.compile(r"(?:ssh://)?git@([^/:]+)[:/](.+)")
_PART = re.compile(r"[\w.-]+")


class Refused(Exception):
    """The host does not allow it, or has no such thing; the text says what was asked and answered."""


@dataclass(frozen=True, slots=True)
class Repository:
    """`path` is as `acme/app`."""

    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where comments go: a pull (or merge) request, or an issue, by its number."""

    repository: Repository
    number: int
    issue: bool = False


class Comments(Protocol):
    """The comments of one host. Each call takes the token it is made with."""

    def find(self, place: Place, marker: str, token: str) -> str:
        """Id of the first comment that holds `marker`; empty when there is none among a thousand."""
        ...

    def create(self, place: Place, text: str, token: str) -> str:
        """Id of the new comment. Asked once only: whether one was made that nobody answered for, `find` tells."""
        ...

    def edit(self, place: Place, comment_id: str, text: str, token: str) -> None: ...


Hosts = Mapping[str, Comments]
"""By the host's name, as repositories have it."""


def read_repository(address: str) -> Repository | None:
    """From `https://host/acme/app.git` or `git@host:acme/app.git`; None for anything else."""
    if found := _SSH.fullmatch(address):
        host, path = found[1], found[2]
    else:
        try:
            parts = urlsplit(address)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            return None
        if parts.scheme not in ("http", "https"):
            return None
    names = path.strip("/").removesuffix(".git").split("/")
    whole = host and len(names) > 1 and all(_PART.fullmatch(each) and set(each) != {"."} for each in names)
    return Repository(host.lower(), "/".join(names)) if whole else None
