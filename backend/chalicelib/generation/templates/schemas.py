"""Which JSON schemas a step's output can be held to."""

from collections.abc import Iterator, Mapping
from typing import Any

MOST_NODES = 2000
DEEPEST = 20
UNSUPPORTED = ("pattern", "patternProperties", "$dynamicRef", "$recursiveRef")
"""Patterns can be made to run for ever on a crafted answer; the other two nobody needs here."""


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
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return f"is no JSON schema: {error.json_path}: {error.message[:200]}"
    return ""


def _fault(node: Mapping[str, Any]) -> str:
    for name in UNSUPPORTED:
        if isinstance(node.get(name), str | Mapping) and not _is_property(node, name):
            return f"`{name}` is not supported"
    reference = node.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#/"):
        return "`$ref` may lead to `#/...` only: to a part of the schema itself"
    return ""


def _is_property(node: Mapping[str, Any], name: str) -> bool:
    """A field that is called `pattern` has a schema; the keyword has a text."""
    return name == "pattern" and isinstance(node[name], Mapping)


def _nodes(value: Any, depth: int) -> Iterator[tuple[int, Any]]:
    yield depth, value
    if depth > DEEPEST:
        return
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _nodes(each, depth + 1)
