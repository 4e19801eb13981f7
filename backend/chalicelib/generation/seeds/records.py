"""Stored records: parts of PART records each as lines of JSON, so that record i costs one part."""

from collections.abc import Iterator

from chalicelib.generation.seeds.model import Record
from chalicelib.objects import Objects


class Records:
    """Reads those of one seed data. It keeps the part it read last; not for many threads at a time."""

    def __init__(self, objects: Objects, tenant_id: str, seed_data_id: str, count: int) -> None:
        self._objects = objects
        self._prefix = f"seeds/{tenant_id}/{seed_data_id}/"
        self.count = count

    def get(self, index: int) -> Record:
        raise NotImplementedError

    def read(self, start: int, count: int) -> Iterator[Record]:
        """From `start` on; fewer where they end."""
        raise NotImplementedError
