"""Port: bytes by key.

Keys are relative paths of `/`-joined non-empty parts, without `.` or `..`, at most 900 characters; anything else raises
Invalid. What `put` has returned from is durable. A reader sees a whole object or none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from chalicelib.errors import Conflict


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    key: str
    size: int
    modified: datetime


class AlreadyThere(Conflict):
    """The object exists, and objects are written once."""


class Objects(Protocol):
    @property
    def origin(self) -> str:
        """Where links lead, as https://host; empty: to the service itself."""
        ...

    def put(self, key: str, content: bytes | BinaryIO, *, replace: bool = False) -> int:
        """Store the bytes and return their number. Raises AlreadyThere unless `replace`."""
        ...

    def get(self, key: str) -> bytes:
        """The whole object. Raises NotFound."""
        ...

    def read(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start` on, in pieces of up to 1 MiB. Raises NotFound at the call, not at the first piece."""
        ...

    def info(self, key: str) -> ObjectInfo:
        """Raises NotFound."""
        ...

    def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[ObjectInfo]:
        """Objects whose keys start with `prefix` and come after `after`, in key order."""
        ...

    def delete(self, key: str) -> None:
        """Removing what is not there is no error."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Remove all objects whose keys start with `prefix`; the number removed."""
        ...

    def get_link(self, key: str, *, lasts: timedelta, filename: str) -> str:
        """A URL that downloads the object as `filename` without signing in, until it expires."""
        ...

    def put_link(self, key: str, *, lasts: timedelta, most: int, once: bool = False) -> str:
        """A URL that accepts one PUT of the object's bytes without signing in, until it expires.

        At home it takes `most` bytes; S3 cannot bind a link to a size, so that its user looks at what has come.
        `once`: the PUT must say `If-None-Match: *`, and is refused where there is an object.
        """
        ...
