"""What differs between two versions."""

import difflib
from collections.abc import Iterator

import orjson

from chalicelib.generation.templates.model import Part, Section, Step, Version

SAME_LINES = 3
"""Unchanged lines shown around a change."""
GAP = Part(" ", "...")


def compare(old: Version, new: Version) -> list[Section]:
    before, after = dict(_fields(old)), dict(_fields(new))
    places = [*before, *(place for place in after if place not in before)]
    found = [(place, before.get(place, ""), after.get(place, "")) for place in places]
    return [Section(place, tuple(_parts(one, other))) for place, one, other in found if one != other]


def _fields(version: Version) -> Iterator[tuple[str, str]]:
    yield "name", version.name
    yield "description", version.description
    yield "category", version.category
    yield "steps", "\n".join(each.step_id for each in version.steps)
    for step in version.steps:
        for name, text in _of_step(step):
            yield f"steps.{step.step_id}.{name}", text


def _of_step(step: Step) -> Iterator[tuple[str, str]]:
    yield "prompt", step.prompt
    yield "model", step.model
    yield "model_tier", str(step.tier or "")
    yield "temperature", str(step.temperature)
    yield "max_tokens", str(step.max_tokens)
    schema = orjson.dumps(step.schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    yield "output_schema", schema if step.schema else ""


def _parts(old: str, new: str) -> Iterator[Part]:
    before, after = old.splitlines(), new.splitlines()
    groups = difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(SAME_LINES)
    for place, group in enumerate(groups):
        if place:
            yield GAP
        for tag, first, end, new_first, new_end in group:
            if tag == "equal":
                yield from (Part(" ", line) for line in before[first:end])
                continue
            yield from (Part("-", line) for line in before[first:end])
            yield from (Part("+", line) for line in after[new_first:new_end])
