"""Log bytes as text that a page may hold: whole characters, no terminal codes, no control characters."""
# ruff: noqa: PLR2004 - the bounds of UTF-8's bytes are what they are

import re
from dataclasses import dataclass

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_]|[ -/]+[0-~])")
_NONCHARACTERS = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_CONTROLS = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef{_NONCHARACTERS}]")
_OPEN_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,200}|[ -/]*)?\Z")
LONGEST_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """`taken` bytes of what was read are in `text`; the rest belongs to a character or code that is not whole yet."""

    text: str
    taken: int


def clean(octets: bytes, *, complete: bool) -> Piece:
    whole = octets if complete else _without_open_end(octets)
    text = whole.decode("utf-8", errors="replace")
    return Piece(printable(text), len(whole))


def printable(text: str) -> str:
    """Anything a tenant wrote, fit for HTML."""
    return _CONTROLS.sub("�", _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def _without_open_end(octets: bytes) -> bytes:
    if opened := _OPEN_ESCAPE.search(octets[-256:]):
        octets = octets[: len(octets[:-256]) + opened.start()]
    if octets.endswith(b"\r"):
        octets = octets[:-1]
    return octets[: len(octets) - _open_character(octets)]


def _open_character(octets: bytes) -> int:
    """How many bytes at the end start a UTF-8 character without finishing it."""
    for back in range(1, min(LONGEST_CHARACTER, len(octets) + 1)):
        byte = octets[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < needed else 0
        if byte < 0x80:
            return 0
    return 0
