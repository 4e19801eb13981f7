"""Bars and meters: coordinates only, in thousandths of the width, drawn by templates/_charts.html."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, log10

from frontend.views.money import usd

WIDTH = 1000
HEIGHT = 200
GAP_SHARE = 0.22
"""Of a column's room, what stays empty between it and the next."""
WIDEST = 110
MOST_LABELLED = 8
THINNEST = 4
"""Width at which a bar that stands for something can still be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """`width` of WIDTH; `share` is said in words beside it."""

    name: str
    width: int
    said: str


def bars(rows: Iterable[tuple[str, int]], *, most: int | None = None) -> list[Bar]:
    """Rows of (name, micro-dollars) as bars, the longest of which takes the whole width."""
    listed = list(rows)
    longest = most or max((value for _, value in listed), default=0)
    return [Bar(name, length(value, longest), usd(value)) for name, value in listed]


def length(value: int, longest: int) -> int:
    """Of WIDTH; something is never drawn as nothing."""
    if not value or not longest:
        return 0
    return max(min(round(value * WIDTH / longest), WIDTH), THINNEST)


@dataclass(frozen=True, slots=True)
class Column:
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns over a common scale. `top` says what its upper edge stands for; `summary` says the picture in words.

    `labels` stand below: one for each column where there is room, else those of both ends (`spread`).
    """

    columns: Sequence[Column]
    top: str
    half: str
    labels: Sequence[str]
    spread: bool
    summary: str


def columns(points: Sequence[tuple[str, int]], *, thing: str) -> Columns:
    """One column for each (name, micro-dollars), in order."""
    highest = max((value for _, value in points), default=0)
    top = round_up(highest)
    room = WIDTH / max(len(points), 1)
    wide = min(room * (1 - GAP_SHARE), WIDEST)
    drawn = [
        Column(
            x=round(index * room + (room - wide) / 2, 2),
            y=round(HEIGHT - value * HEIGHT / top, 2),
            width=round(wide, 2),
            height=round(value * HEIGHT / top, 2),
            title=f"{name}: {usd(value)}",
        )
        for index, (name, value) in enumerate(points)
    ]
    names = [name for name, _ in points]
    spread = len(names) > MOST_LABELLED
    total = sum(value for _, value in points)
    summary = f"{thing}: {usd(total)} in all, at most {usd(highest)}. The table says the same in numbers."
    return Columns(drawn, usd(top), usd(top // 2), [names[0], names[-1]] if spread else names, spread, summary)


def round_up(value: int) -> int:
    """The next 1, 2 or 5 with zeros: an end of a scale that can be read."""
    if value <= 1:
        return 2
    power: int = 10 ** int(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


@dataclass(frozen=True, slots=True)
class Mark:
    x: int
    name: str


@dataclass(frozen=True, slots=True)
class Meter:
    """Money of a job against its cap. Everything is in thousandths of the width."""

    spent: int
    reserved: int
    cap: int
    marks: Sequence[Mark]
    summary: str


def meter(*, spent: int, reserved: int, cap: int, expected: int | None) -> Meter:
    """Where the money stands: the scale ends at the cap, or at the estimate when that lies beyond it."""
    longest = max(cap, expected or 0, spent + reserved, 1)
    marks = [] if expected is None else [Mark(min(ceil(expected * WIDTH / longest), WIDTH - 2), "estimate")]
    paid = length(spent, longest)
    said = f"{usd(spent)} spent, {usd(reserved)} reserved, cap {usd(cap)}"
    return Meter(
        spent=paid,
        reserved=min(length(reserved, longest), WIDTH - paid),
        cap=min(round(cap * WIDTH / longest), WIDTH),
        marks=marks,
        summary=said + ("" if expected is None else f", estimate {usd(expected)}"),
    )
