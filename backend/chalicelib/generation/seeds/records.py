"""Stored records: parts of PART records each as lines of JSON, so that record i costs one part."""

from collections.abc import Iterator, Sequence

import orjson

from chalicelib.generation.seeds.model import PART, Record
from chalicelib.objects import Objects


def records_prefix(tenant_id: str, seed_data_id: str) -> str:
    return f"seeds/{tenant_id}/{seed_data_id}/"


def part_key(prefix: str, part: int) -> str:
    return f"{prefix}part-{part:05d}.jsonl"


class Records:
    """Reads those of one seed data. It keeps the part it read last; not for many threads at a time."""

    def __init__(self, objects: Objects, tenant_id: str, seed_data_id: str, count: int) -> None:
        self._objects = objects
        self._prefix = records_prefix(tenant_id, seed_data_id)
        self._part = -1
        self._lines: Sequence[bytes] = ()
        self.count = count

    def get(self, index: int) -> Record:
        """Raises IndexError beyond the last, NotFound when the seed data was deleted."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        part, place = divmod(index, PART)
        if part != self._part:
            self._lines = self._objects.get(part_key(self._prefix, part)).splitlines()
            self._part = part
        record: Record = orjson.loads(self._lines[place])
        return record

    def read(self, start: int, count: int) -> Iterator[Record]:
        """From `start` on; fewer where they end."""
        return (self.get(index) for index in range(start, min(start + count, self.count)))
