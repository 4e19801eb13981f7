"""A range of sort keys as one lower and one upper bound."""

from dataclasses import dataclass

from chalicelib.documents import Range

LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `lower`, included. `upper` None: without end."""

    lower: str
    upper: str | None
    upper_included: bool


def bounds(within: Range) -> Bounds:
    lower = max(within.prefix, within.start or "")
    end = after_prefix(within.prefix)
    if within.end is not None and (end is None or within.end < end):
        return Bounds(lower, within.end, upper_included=True)
    return Bounds(lower, end, upper_included=False)


def after_prefix(prefix: str) -> str | None:
    """The least text after all that starts with `prefix`; None when there is none."""
    stem = prefix.rstrip(LAST)
    return stem[:-1] + _next_character(stem[-1]) if stem else None


def _next_character(character: str) -> str:
    """Surrogates are code points, but no characters of a valid text."""
    return "\ue000" if character == "\ud7ff" else chr(ord(character) + 1)
