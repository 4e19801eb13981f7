"""Port: JSON documents under (partition, sort) keys.

What every adapter promises:

- `get`, `get_many` and `query` are strongly consistent; `query_index` may lag behind a write by moments on AWS.
- `transact` applies all its writes or none. It raises `ConditionFailed` when a condition does not hold, and the
  documents are then untouched. At most `TRANSACTION_LIMIT` writes of `TRANSACTION_BYTES` in all, no two to one key.
- The version of a document starts at 1 and grows by one with each write to it; it starts again when deleted.
- Queries read by key ranges only: they cost the same at a hundred and at a million documents.
- Numbers come back as the numbers they were (int stays int, float stays float).
- A document past its `expires` is never returned, and is removed in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from chalicelib.errors import Conflict, Invalid

Json = Mapping[str, Any]

TRANSACTION_LIMIT = 100
TRANSACTION_BYTES = 3_500_000
"""Bytes of JSON in the documents that one transaction puts; DynamoDB's own limit is 4 MB with names and keys."""
DOCUMENT_LIMIT = 350_000
"""Bytes of JSON in one document; DynamoDB's own limit is 400 KB with names and keys."""


class Key(NamedTuple):
    """Both parts are non-empty text of at most 500 characters."""

    partition: str
    sort: str


class Index(StrEnum):
    """Secondary indexes. A document appears in an index when its `Put` names a key for it."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"


NO_INDEXES: Mapping[Index, Key] = MappingProxyType({})


class Document(NamedTuple):
    """A tuple, since lists make fifty at a time and tuples cost a fifth of a frozen dataclass."""

    key: Key
    body: Json
    version: int
    indexes: Mapping[Index, Key] = NO_INDEXES
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """No document is under the key (an expired one counts as none)."""


@dataclass(frozen=True, slots=True)
class Exists:
    """A document is under the key."""


@dataclass(frozen=True, slots=True)
class VersionIs:
    version: int


@dataclass(frozen=True, slots=True)
class FieldIs:
    """A top-level field of the body has this value; None matches a field that is null or missing."""

    name: str
    value: str | int | bool | None


@dataclass(frozen=True, slots=True)
class FieldAtLeast:
    """A top-level numeric field is at least this."""

    name: str
    bound: int


@dataclass(frozen=True, slots=True)
class FieldAtMost:
    """A top-level numeric field is at most this."""

    name: str
    bound: int


Condition = Absent | Exists | VersionIs | FieldIs | FieldAtLeast | FieldAtMost


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole document, replacing what is there. All of `conditions` must hold."""

    key: Key
    body: Json
    conditions: Sequence[Condition] = ()
    indexes: Mapping[Index, Key] = field(default_factory=dict)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Change top-level fields of an existing document; indexes and expiry stay. Fails when there is none.

    `set` replaces fields, `add` adds to integer fields (a missing one counts as 0).
    """

    key: Key
    set: Json = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    conditions: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the document. Without conditions, removing what is not there is no error."""

    key: Key
    conditions: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing, but fail the transaction unless the conditions hold."""

    key: Key
    conditions: Sequence[Condition]


Write = Put | Update | Delete | Check


class ConditionFailed(Conflict):
    """A condition did not hold; `keys` are those whose conditions failed (or that another transaction holds)."""

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__(f"Changed by someone else meanwhile: {', '.join(f'{k.partition}/{k.sort}' for k in keys)}")
        self.keys = tuple(keys)


class BadCursor(Invalid):
    def __init__(self) -> None:
        super().__init__("The cursor is not one that a list returned; start again without it.")


@dataclass(frozen=True, slots=True)
class Range:
    """Part of a partition by sort key: those that start with `prefix`, from `start` to `end`, both included."""

    prefix: str = ""
    start: str | None = None
    end: str | None = None


EVERYTHING = Range()


@dataclass(frozen=True, slots=True)
class Page:
    """`cursor` continues after the last item, and is None when there is no more."""

    items: Sequence[Document]
    cursor: str | None


class Documents(Protocol):
    def get(self, key: Key) -> Document | None: ...

    def get_many(self, keys: Sequence[Key]) -> list[Document | None]:
        """One answer per key, in their order."""
        ...

    def query(
        self,
        partition: str,
        within: Range = EVERYTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page:
        """Documents of a partition in order of their sort keys. `cursor` raises BadCursor when it is not ours."""
        ...

    def query_index(
        self,
        index: Index,
        partition: str,
        within: Range = EVERYTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page:
        """The same by the keys given to an index; equal index keys come in order of the documents' own keys."""
        ...

    def transact(self, writes: Sequence[Write], *, durable: bool = True) -> None:
        """What need not be `durable` outlives every process, but until the next durable write maybe not a power cut."""
        ...
