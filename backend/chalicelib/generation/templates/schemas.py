"""Which JSON schemas a step's output can be held to."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

MOST_NODES = 2000
DEEPEST = 20
LONGEST = 20_000
"""Characters as JSON: it is a part of the prompt."""
UNSUPPORTED = ("pattern", "patternProperties", "$ref", "$dynamicRef", "$recursiveRef")
"""Patterns can be made to run for ever on a crafted answer; references can lead round in a circle, or elsewhere."""


def fault_of(schema: Mapping[str, Any]) -> str:
    """What is wrong with it; empty when nothing is."""
    # A tenth of a second that only those who bring a schema need to pay.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    for nodes, (depth, node) in enumerate(_nodes(schema, 0)):
        if depth > DEEPEST or nodes > MOST_NODES:
            return f"must not have more than {DEEPEST} levels or {MOST_NODES:,} values"
        if isinstance(node, Mapping) and (fault := _fault(node)):
            return fault
    if len(orjson.dumps(schema)) > LONGEST:
        return f"must not be longer than {LONGEST:,} characters as JSON"
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return f"is no JSON schema: {error.json_path}: {error.message[:200]}"
    return ""


def _fault(node: Mapping[str, Any]) -> str:
    """A field may be called like a keyword; it then has a schema, where the keyword has a text."""
    found = [name for name in UNSUPPORTED if isinstance(node.get(name), str)]
    if isinstance(node.get("patternProperties"), Mapping):
        found.append("patternProperties")
    return f"`{found[0]}` is not supported" if found else ""


def _nodes(value: Any, depth: int) -> Iterator[tuple[int, Any]]:
    yield depth, value
    if depth > DEEPEST:
        return
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _nodes(each, depth + 1)
