"""Seed records to try a template with."""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Fault, Invalid
from chalicelib.generation.templates.model import Variables

SAMPLES = {
    "name": "Ada Quill",
    "city": "Lyon",
    "country": "France",
    "product": "a folding bicycle",
    "price": "799 euros",
    "mood": "hopeful",
    "tone": "friendly",
    "audience": "commuters",
    "topic": "rivers",
    "title": "A day by the river",
    "text": "The mill stood by the river for two hundred years. Its wheel turned when there was water.",
    "biography": "grew up beside a mill and wrote about rivers all her life",
    "day_type": "a rainy Sunday",
    "category": "bicycles",
    "features": "folds in ten seconds, weighs eleven kilos",
    "issue": "the hinge squeaks",
    "count": "3",
}
"""What a seed record may say for names that one meets often."""


def record_of(sample: str) -> Mapping[str, Any]:
    """The seed record that somebody typed. Raises Invalid."""
    try:
        record = json.loads(sample or "{}")
    except ValueError as error:
        raise Invalid("The seed record is not JSON.", [Fault("seed record", f"is not JSON: {error}")]) from None
    if not isinstance(record, dict):
        raise Invalid(
            "The seed record is not an object.", [Fault("seed record", 'must be an object: {"name": "value"}')]
        )
    return record


def sample_of(variables: Variables) -> str:
    """A record that has all that is needed, to be filled in."""
    names = variables.required + variables.optional
    record = _with(
        {}, {name: SAMPLES.get(name.rpartition(".")[2], name.rpartition(".")[2].replace("_", " ")) for name in names}
    )
    return json.dumps(record, indent=2, ensure_ascii=False)


def filled(record: Mapping[str, Any], variables: Variables) -> Mapping[str, Any]:
    """The record, with stand-ins for what it lacks, so that a prompt can be shown all the same."""
    lacking = {name: f"<{name}>" for name in variables.required if not has(record, name)}
    return _with(json.loads(json.dumps(record)), lacking)


def _with(record: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    for name, value in values.items():
        *outer, last = name.split(".")
        place = record
        for part in outer:
            inner = place.setdefault(part, {})
            place = inner if isinstance(inner, dict) else {}
        place.setdefault(last, value)
    return record


def has(record: Mapping[str, Any], name: str) -> bool:
    place: Any = record
    for part in name.split("."):
        if not isinstance(place, Mapping) or part not in place:
            return False
        place = place[part]
    return True
