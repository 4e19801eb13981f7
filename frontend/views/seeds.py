"""Seed data as the pages show it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.generation.seeds.model import Record, SeedData, SeedStatus
from frontend.views.words import Look, shorten, size

LOOKS: Mapping[SeedStatus, Look] = {
    SeedStatus.UPLOADING: Look("Waiting for its file", "wait", "wait"),
    SeedStatus.CHECKING: Look("Being read", "run", "wheel"),
    SeedStatus.READY: Look("Ready", "ok", "ok"),
    SeedStatus.FAULTY: Look("Has faults", "fail", "fail"),
}
LONG = 140
"""Characters from which on a cell is folded."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`whole` is empty when `text` is all there is."""

    text: str
    whole: str = ""


@dataclass(frozen=True, slots=True)
class SheetRow:
    number: int
    cells: Sequence[Cell]


def sheet(fields: Sequence[str], records: Sequence[Record], skip: int = 0) -> list[SheetRow]:
    return [
        SheetRow(skip + index, [cell(record.get(name)) for name in fields]) for index, record in enumerate(records, 1)
    ]


def cell(value: Any) -> Cell:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return Cell(text) if len(text) <= LONG else Cell(shorten(text, LONG), text)


def progress(seeds: SeedData) -> str:
    return f"{size(seeds.read)} of {size(seeds.size)}"


def look_of(seeds: SeedData) -> Look:
    return LOOKS[seeds.status]
