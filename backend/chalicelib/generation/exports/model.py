"""What an export order is told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from chalicelib.generation.jobs.model import Division, Format, Partition

EXPORT = "export"
SUFFIX = {Format.JSONL: "jsonl", Format.CSV: "csv", Format.PARQUET: "parquet", Format.CHAT: "chat.jsonl"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`job_id` is the job whose records are wanted; empty for the order's own. `partition` None: as its plan says."""

    format: Format
    job_id: str = ""
    partition: Partition | None = None

    def settings(self) -> dict[str, Any]:
        divided = {"partition": asdict(self.partition)} if self.partition else {}
        return {"format": self.format.value, "job": self.job_id, **divided}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        given = settings.get("partition")
        partition = Partition(**{**given, "by": Division(given["by"])}) if given else None
        return cls(Format(settings["format"]), settings.get("job", ""), partition)
