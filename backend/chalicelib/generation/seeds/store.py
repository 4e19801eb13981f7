"""Where seed data lives: `seeds#<tenant>` holds one document for each, and objects their records."""

from dataclasses import asdict
from datetime import datetime, timedelta

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Condition, Document, Documents, Index, Key, Put, Range, VersionIs
from chalicelib.errors import Fault
from chalicelib.generation.seeds.model import SeedData, SeedFormat, SeedStatus

UPLOAD_LASTS = timedelta(days=1)
"""How long a file may take to come and be read."""
_OPEN_UPLOADS = "open-uploads"


def partition(tenant_id: str) -> str:
    return f"seeds#{tenant_id}"


def seeds_key(tenant_id: str, seed_data_id: str) -> Key:
    return Key(partition(tenant_id), seed_data_id)


def upload_object(tenant_id: str, seed_data_id: str) -> str:
    """A file as it came, until its records are kept."""
    return f"uploads/{tenant_id}/{seed_data_id}"


def put_seeds(seed_data: SeedData, *conditions: Condition) -> Put:
    body = asdict(seed_data) | {"created_at": to_text(seed_data.created_at)}
    del body["revision"]
    key = seeds_key(seed_data.tenant_id, seed_data.seed_data_id)
    ends = f"{to_text(seed_data.created_at + UPLOAD_LASTS)}#{seed_data.seed_data_id}"
    indexes = {} if seed_data.status.ended else {Index.THIRD: Key(_OPEN_UPLOADS, ends)}
    return Put(key, body, conditions or (VersionIs(seed_data.revision),), indexes)


def to_seeds(document: Document) -> SeedData:
    body = dict(document.body)
    body |= {
        "format": SeedFormat(body["format"]),
        "status": SeedStatus(body["status"]),
        "fields": tuple(body["fields"]),
        "faults": tuple(Fault(**each) for each in body["faults"]),
        "created_at": from_text(body["created_at"]),
    }
    return SeedData(**body, revision=document.version)


def get_seeds(documents: Documents, tenant_id: str, seed_data_id: str) -> SeedData | None:
    plain = seed_data_id.isalnum() and len(seed_data_id) <= 100  # noqa: PLR2004 - no id of ours is longer
    found = documents.get(seeds_key(tenant_id, seed_data_id)) if plain else None
    return to_seeds(found) if found else None


def overdue(documents: Documents, now: datetime, *, limit: int) -> list[SeedData]:
    """Whose file should have come and been read by now."""
    page = documents.query_index(Index.THIRD, _OPEN_UPLOADS, Range(end=to_text(now)), limit=limit)
    return [to_seeds(each) for each in page.items]
