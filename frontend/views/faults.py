"""Faults of a submission at their lines: `orders[2].dependencies[0]` is looked up in the YAML that was typed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import yaml

from chalicelib.errors import Fault

CONTEXT = 2
"""Lines shown around a faulty one."""
MOST_SHOWN = 60

_LINE = re.compile(r"line (\d+), column \d+")
_STEP = re.compile(r"\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Found:
    """`line` counts from 1, and is None when the place is not in the text (a missing field of the whole)."""

    place: str
    message: str
    line: int | None


@dataclass(frozen=True, slots=True)
class MarkedLine:
    number: int
    text: str
    messages: Sequence[str]
    gap: bool
    """Lines were left out before this one."""


def locate(text: str, faults: Sequence[Fault]) -> list[Found]:
    root = _compose(text)
    return [Found(fault.place, fault.message, _line_of(root, fault.place)) for fault in faults]


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _line_of(root: yaml.Node | None, place: str) -> int | None:
    if written := _LINE.match(place):
        return int(written[1])
    node, line = root, None
    for index, quoted, name in _STEP.findall(place):
        step = _step(node, index or quoted or name)
        if step is None:
            break
        line, node = step
    return line


def _step(node: yaml.Node | None, name: str) -> tuple[int, yaml.Node] | None:
    """The line on which a part of the node stands, and the part; None when it is missing (the parent's line stays)."""
    if isinstance(node, yaml.SequenceNode) and name.isdigit() and int(name) < len(node.value):
        item = node.value[int(name)]
        return item.start_mark.line + 1, item
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line + 1, value
    return None


def marked(text: str, found: Sequence[Found]) -> list[MarkedLine]:
    """The lines around the faulty ones, each with what is wrong on it."""
    by_line = {
        line: [f"{each.place}: {each.message}" if each.place else each.message for each in group]
        for line, group in groupby(
            sorted((each for each in found if each.line), key=lambda each: each.line or 0), lambda each: each.line or 0
        )
    }
    lines = text.splitlines()
    near = {n for line in by_line for n in range(line - CONTEXT, line + CONTEXT + 1) if 1 <= n <= len(lines)}
    shown = sorted(near)[:MOST_SHOWN]
    first = min(shown, default=0)
    return [
        MarkedLine(number, lines[number - 1], by_line.get(number, ()), number - 1 not in near and number > first)
        for number in shown
    ]
