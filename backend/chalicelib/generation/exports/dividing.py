"""Which file of an export a record goes to."""

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from chalicelib.errors import Unprocessable
from chalicelib.generation.columns import as_text, flatten
from chalicelib.generation.jobs.model import Division, Format, Partition

MOST_FILES = 200
_NAME = {Format.JSONL: "data.jsonl", Format.CSV: "data.csv", Format.PARQUET: "data.parquet", Format.CHAT: "chat.jsonl"}


class TooManyFiles(Unprocessable):
    type = "too-many-files"
    title = "The export would have too many files"


def file_of(partition: Partition | None, format: Format, row: Mapping[str, Any], at: datetime) -> str:
    name = _NAME[format]
    if partition is None:
        return name
    match partition.by:
        case Division.DATE:
            return f"date={at.date().isoformat()}/{name}"
        case Division.SPLIT:
            chance = zlib.crc32(str(row["number"]).encode()) % 100
            return f"{'test' if chance < partition.test_percent else 'train'}/{name}"
    value = as_text(flatten(row).get(partition.column))
    return f"{_safe(partition.column)}={_safe(value)}/{name}"


def _safe(text: str) -> str:
    return quote(text[:60], safe=" ").replace(".", "%2E") or "empty"


def all_files(partition: Partition | None, format: Format) -> list[str]:
    """Files that are there even if no record goes to them."""
    name = _NAME[format]
    if partition is None:
        return [name]
    return [f"train/{name}", f"test/{name}"] if partition.by is Division.SPLIT else []
