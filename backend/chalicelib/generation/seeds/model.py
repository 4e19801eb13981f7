"""Seed data: the records that templates are filled from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.errors import Fault

LARGEST = 100_000_000
"""Bytes of an upload."""
MOST_RECORDS = 1_000_000
MOST_FAULTS = 100
PART = 2000
"""Records in one stored part."""
LONGEST_RECORD = 1_000_000
"""Bytes of one record as JSON."""


class SeedFormat(StrEnum):
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


class SeedStatus(StrEnum):
    UPLOADING = "uploading"
    """Its file is awaited, by the link that was given."""
    CHECKING = "checking"
    """Its file is read."""
    READY = "ready"
    FAULTY = "faulty"
    """Its file has faults, which are listed; it cannot be used."""

    @property
    def ended(self) -> bool:
        return self in (SeedStatus.READY, SeedStatus.FAULTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedData:
    """`fields` are the names found in any record, in order of appearance. `size` is the file's, in bytes.

    `read` of them were read by the job that checks it, `job_id`, if one does. `revision` is its document's version.
    """

    seed_data_id: str
    tenant_id: str
    name: str
    format: SeedFormat
    status: SeedStatus
    size: int
    record_count: int
    fields: tuple[str, ...]
    faults: tuple[Fault, ...]
    created_at: datetime
    created_by: str
    read: int = 0
    job_id: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class SeedPage:
    items: Sequence[SeedData]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to come: PUT it to `link`, then say it is complete."""

    seed_data: SeedData
    link: str


Record = Mapping[str, Any]
