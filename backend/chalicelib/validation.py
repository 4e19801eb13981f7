"""From pydantic's findings to our faults: where each is, and what would mend it."""

import difflib
import re
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from chalicelib.errors import Fault, Invalid

T = TypeVar("T")

_WORDS = {
    "missing": "is required",
    "string_type": "must be text (in quotes, if it looks like a number or a date)",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of fields",
    "model_attributes_type": "must be a mapping of fields",
}


def parse(type_: TypeAdapter[T], data: object, *, what: str) -> T:
    """The typed value. Raises Invalid with all faults."""
    try:
        return type_.validate_python(data)
    except ValidationError as error:
        raise Invalid(f"{what} has faults.", faults_of(error, getattr(type_, "_type", None))) from None


def faults_of(error: ValidationError, type_: object = None) -> list[Fault]:
    known = set(_names(type_))
    return [Fault(place_of(each["loc"]), _message(each, known)) for each in error.errors(include_url=False)]


def place_of(path: Iterable[int | str]) -> str:
    """`("orders", 2, "cmds")` as `orders[2].cmds`."""
    place = ""
    for part in path:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part.isidentifier():
            place += f".{part}" if place else part
        else:
            place += f"[{part!r}]"
    return place


def _message(found: ErrorDetails, known: set[str]) -> str:
    kind = found["type"]
    if kind == "extra_forbidden":
        name = str(found["loc"][-1])
        near = difflib.get_close_matches(name, known, n=1)
        return f"is not a field we know; did you mean `{near[0]}`?" if near else "is not a field we know"
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in ("too_short", "too_long"):
        least, most = (found["ctx"].get(f"{end}_length") for end in ("min", "max"))
        return f"must have at least {least}" if kind == "too_short" else f"must have at most {most}"
    message = found["msg"].removeprefix("Value error, ")
    return re.sub(r"^(Input|String|List|Dictionary|Value) should", "should", message)


def _names(type_: object) -> Iterable[str]:
    if not (isinstance(type_, type) and issubclass(type_, BaseModel)):
        return
    for name, each in type_.model_fields.items():
        yield name
        for inner in getattr(each.annotation, "__args__", ()):
            yield from _names(inner)
