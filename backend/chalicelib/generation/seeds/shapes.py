"""Seed data as the API shows it."""

from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from chalicelib.generation.seeds.model import SeedData, SeedFormat, SeedStatus


class FaultJson(TypedDict):
    """`place` is a line of the file, as `line 3`."""

    place: str
    message: str


class SeedDataJson(TypedDict):
    """`fields` are the names found in any record. `faults` say why it is `faulty`; the first hundred of them.

    Of its `size` in bytes, `read` were read by the job `job_id`, where one is checking it.
    """

    seed_data_id: str
    name: str
    format: SeedFormat
    status: SeedStatus
    size: int
    record_count: int
    fields: list[str]
    faults: list[FaultJson]
    created_at: datetime
    created_by: str
    read: int
    job_id: str


class SeedPageJson(TypedDict):
    """`cursor` continues the list, and is null on its last page; a search may show few items and a cursor all the
    same."""

    items: list[SeedDataJson]
    cursor: str | None


class UploadJson(SeedDataJson):
    """PUT the file to `link` within an hour, without signing in, then POST to the seed data's `complete`."""

    link: str


class RecordsJson(TypedDict):
    """`count` is of all there are."""

    skip: int
    count: int
    records: list[dict[str, Any]]


def seed_json(seed_data: SeedData) -> SeedDataJson:
    return {
        "seed_data_id": seed_data.seed_data_id,
        "name": seed_data.name,
        "format": seed_data.format,
        "status": seed_data.status,
        "size": seed_data.size,
        "record_count": seed_data.record_count,
        "fields": list(seed_data.fields),
        "faults": [{"place": each.place, "message": each.message} for each in seed_data.faults],
        "created_at": seed_data.created_at,
        "created_by": seed_data.created_by,
        "read": seed_data.read,
        "job_id": seed_data.job_id,
    }
