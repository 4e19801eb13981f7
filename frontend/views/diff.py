"""What differs between two versions, with the changed words of each changed line marked."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from chalicelib.generation.templates.model import Part, Section

CONTEXT = 3
"""Equal lines that stay around a change."""
ALIKE = 0.4
"""From here on two lines are one line that was changed, and its words are compared."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
TONES = {" ": "", "-": "minus", "+": "plus"}


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    changed: bool


@dataclass(frozen=True, slots=True)
class DiffLine:
    """`sign` is `+`, `-` or a space. `gap`: equal lines were left out before this one."""

    sign: str
    tone: str
    pieces: Sequence[Piece]
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    place: str
    lines: Sequence[DiffLine]


def differences(sections: Sequence[Section]) -> list[Difference]:
    return [Difference(each.place, list(_shortened(list(_lines(each.parts))))) for each in sections]


def _lines(parts: Sequence[Part]) -> Iterator[DiffLine]:
    for changed, group in groupby(parts, lambda part: part.tag != " "):
        block = list(group)
        if not changed:
            yield from (DiffLine(" ", "", (Piece(part.text, changed=False),)) for part in block)
            continue
        gone, new = ([part.text for part in block if part.tag == tag] for tag in "-+")
        pairs = [_words(before, after) for before, after in zip(gone, new, strict=False)]
        for tag, texts, side in (("-", gone, 0), ("+", new, 1)):
            for index, text in enumerate(texts):
                pieces = pairs[index][side] if index < len(pairs) else (Piece(text, changed=False),)
                yield DiffLine(tag, TONES[tag], pieces)


def _shortened(lines: Sequence[DiffLine]) -> Iterator[DiffLine]:
    changed = [index for index, line in enumerate(lines) if line.tone]
    shown = sorted({near for index in changed for near in range(index - CONTEXT, index + CONTEXT + 1)})
    last = -1
    for index in (each for each in shown if 0 <= each < len(lines)):
        line = lines[index]
        yield DiffLine(line.sign, line.tone, line.pieces, gap=index > last + 1)
        last = index


Pieces = tuple[Piece, ...]


def _words(before: str, after: str) -> tuple[Pieces, Pieces]:
    a, b = _WORD.findall(before), _WORD.findall(after)
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < ALIKE:
        return (Piece(before, changed=False),), (Piece(after, changed=False),)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a_from, a_to, b_from, b_to in matcher.get_opcodes():
        changed = kind != "equal"
        if a_to > a_from:
            left.append(Piece("".join(a[a_from:a_to]), changed))
        if b_to > b_from:
            right.append(Piece("".join(b[b_from:b_to]), changed))
    return tuple(left), tuple(right)
