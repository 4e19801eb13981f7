"""A record as one flat row: its seed's columns, one column per output or field of one, and what we tell of it."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

_LARGEST = 1 << 63
OWN = {"_id": "integer", "_seed": "integer", "_model": "text", "_tokens": "integer", "_cost": "integer"}


def flatten(row: Mapping[str, Any]) -> dict[str, Any]:
    """`_cost` is in micro-dollars. A step's name that a seed has too gets the step's id before it."""
    flat: dict[str, Any] = dict(row["columns"])
    for step_id, output in row["outputs"].items():
        fields = output if isinstance(output, dict) else {step_id: output}
        for name, value in fields.items():
            flat[name if name not in flat else f"{step_id}.{name}"] = value
    return flat | {
        "_id": row["number"],
        "_seed": row["seed"],
        "_model": row["model"],
        "_tokens": row["tokens"],
        "_cost": row["cost"],
    }


def kinds_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The names of all columns in order of appearance, and what is in each."""
    found: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            found[name] = join(found.get(name, "none"), kind_of(value))
    return found


def kind_of(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "boolean"
        case int():
            return "integer" if -_LARGEST <= value < _LARGEST else "mixed"
        case float():
            return "number"
        case str():
            return "text"
    return "json"


def join(one: str, other: str) -> str:
    """The kind that holds both."""
    if other in (one, "none"):
        return one
    if one == "none":
        return other
    return "number" if {one, other} == {"integer", "number"} else "mixed"


def as_text(value: Any) -> str:
    """For columns of text and files of text: what is not text is JSON, nothing is empty."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
