"""What an export order is told."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any, Self

from chalicelib.errors import Fault, Invalid
from chalicelib.generation.jobs.model import Division, Format, Partition

EXPORT = "export"
SUFFIX = {Format.JSONL: "jsonl", Format.CSV: "csv", Format.PARQUET: "parquet", Format.CHAT: "chat.jsonl"}


def check_formats(formats: Iterable[Format], place: str) -> None:
    """Raises Invalid for Parquet where its library is left out, as in a Lambda, which it would not fit into."""
    if Format.PARQUET in formats and find_spec("pyarrow") is None:
        others = ", ".join(each for each in Format if each is not Format.PARQUET)
        fault = Fault(place, f"parquet is not offered by this server; choose {others}")
        raise Invalid("The job asks for what this server does not offer.", [fault])


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
