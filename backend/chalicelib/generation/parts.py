"""A batch of records as it is stored: lines of JSON, of which the first tells what the batch cost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from chalicelib.clock import from_text, to_text
from chalicelib.generation.jobs.model import Record
from chalicelib.generation.store import Entry
from chalicelib.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records `first` up to `end` (exclusive), in order, and what making them cost."""

    first: int
    end: int
    at: datetime
    entries: Sequence[Entry]
    columns: Mapping[str, str]
    records: Sequence[Record]

    @property
    def cost(self) -> int:
        return sum(each.cost for each in self.entries)

    @property
    def failed(self) -> int:
        return sum(bool(each.error) for each in self.records)


_FIELDS = tuple(Record.__dataclass_fields__)


def folder(tenant_id: str, job_id: str) -> str:
    """Among the job's artifacts, so that it goes with them."""
    return f"artifacts/{tenant_id}/{job_id}/generation/"


def name_of(batch: Batch, *, round_: int, attempt: int) -> str:
    return f"parts/{batch.first:08d}-{batch.end:08d}.{round_}.{attempt}.jsonl"


def left_behind(objects: Objects, place: str, *, first: int, end: int | None = None, round_: int = 0) -> str | None:
    """The latest part that begins at `first` and that nobody may have accounted for."""
    prefix = f"{place}parts/{first:08d}-" + ("" if end is None else f"{end:08d}.{round_}.")
    found = [each.key for each in objects.list(prefix) if each.key.split(".")[-3] == str(round_)]
    return max(found, key=lambda key: int(key.split(".")[-2]), default=None)


def row_of(record: Record) -> dict[str, Any]:
    """As it is stored."""
    return {name: getattr(record, name) for name in _FIELDS}


def encode(batch: Batch) -> bytes:
    head = {
        "first": batch.first,
        "end": batch.end,
        "at": to_text(batch.at),
        "columns": batch.columns,
        "entries": [asdict(each) for each in batch.entries],
    }
    return b"".join(orjson.dumps(each) + b"\n" for each in (head, *map(row_of, batch.records)))


def decode(content: bytes) -> Batch:
    head, *rest = map(orjson.loads, content.splitlines())
    entries = [Entry(**each) for each in head["entries"]]
    records = [Record(**each) for each in rest]
    return Batch(**{**head, "at": from_text(head["at"]), "entries": entries, "records": records})


def read_rows(objects: Objects, key: str) -> Iterator[dict[str, Any]]:
    """The records of a part, as they are stored."""
    lines = objects.get(key).splitlines()
    return map(orjson.loads, lines[1:])
