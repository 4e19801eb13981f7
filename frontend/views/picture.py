"""The picture of a job's orders: coordinates only, drawn by templates/_picture.svg."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt

from chalicelib.jobs.model import ORDER_ENDS, Order, OrderStatus
from frontend.views.layers import Group, Layers, arrange
from frontend.views.words import ORDER_LOOKS, count, shorten

BOX_WIDTH, BOX_HEIGHT = 152, 38
BEND_HEIGHT = 14
GAP_X, GAP_Y = 36, 12
BAND_WIDTH = 1290
BAND_GAP = 44
WIDE = 1056
MARGIN = 14
HEADING = 20
LABEL_LENGTH = 15
LARGE_SQUARES = 120
"""Up to so many squares in a field they are large."""
MOST_LINKED = 300
"""In a picture of more orders, squares are drawn as one path per state, without links: the table has those."""


@dataclass(frozen=True, slots=True)
class Place:
    """`gutter` is the height at which lines come into its band from the one before."""

    x: int
    y: int
    width: int
    height: int
    gutter: int

    @property
    def middle(self) -> int:
        return self.y + self.height // 2

    @property
    def right(self) -> int:
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Box:
    place: Place
    number: int
    name: str
    label: str
    tone: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class Square:
    x: int
    y: int
    number: int
    title: str
    tone: str


@dataclass(frozen=True, slots=True)
class Field:
    """Many alike orders. Either `squares` (each a link) or `paths` (tone -> SVG path) is filled."""

    place: Place
    label: str
    side: int
    squares: Sequence[Square]
    paths: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """`arrow`: it ends at an order, not at a bend."""

    path: str
    tone: str
    arrow: bool


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    boxes: Sequence[Box]
    fields: Sequence[Field]
    lines: Sequence[Line]
    summary: str

    @property
    def wide(self) -> bool:
        """It may be drawn somewhat smaller to fit."""
        return self.width > WIDE


def picture(orders: Sequence[Order]) -> Picture:
    shape = tuple(tuple(order.spec.dependencies) for order in orders)
    layers, places, width, height = _laid_out(shape)
    by_number = {order.number: order for order in orders}
    boxes: list[Box] = []
    fields: list[Field] = []
    for index, group in enumerate(layers.groups):
        members = [by_number[number] for number in group.members]
        if len(members) == 1:
            boxes.append(_box(members[0], places[index]))
        elif members:
            fields.append(_field(members, places[index], linked=len(orders) <= MOST_LINKED))
    over = [all(by_number[number].status in ORDER_ENDS for number in group.members) for group in layers.groups]
    lines = [
        _line(layers, places, start, end, "flowed" if over[origin] else "dry")
        for (start, end), origin in zip(layers.edges, layers.origins, strict=True)
    ]
    return Picture(width, height, boxes, fields, lines, _summary(orders, layers))


@lru_cache(maxsize=256)
def _laid_out(shape: tuple[tuple[int, ...], ...]) -> tuple[Layers, list[Place], int, int]:
    """The layout depends on the dependencies alone, which never change while a job is watched."""
    layers = arrange(shape)
    places: dict[int, Place] = {}
    top, width = MARGIN, 0
    for band in _balanced(layers):
        right, bottom = _place_band(layers, band, top, places)
        width, top = max(width, right), bottom + BAND_GAP
    return layers, [places[index] for index in range(len(layers.groups))], width + MARGIN, top - BAND_GAP + MARGIN


def _balanced(layers: Layers) -> list[list[Sequence[int]]]:
    """As few bands as their greatest width allows, and those of about the same width."""
    fewest = len(_bands(layers, BAND_WIDTH))
    return next(bands for limit in range(200, BAND_WIDTH + 50, 50) if len(bands := _bands(layers, limit)) <= fewest)


def _bands(layers: Layers, limit: int) -> list[list[Sequence[int]]]:
    """Rows of layers, broken like the lines of a text so that a long chain needs no sideways scrolling."""
    bands: list[list[Sequence[int]]] = []
    used = limit
    for row in layers.rows:
        width = max(_extent(layers.groups[index])[0] for index in row)
        if used + GAP_X + width > limit:
            bands.append([])
            used = -GAP_X
        bands[-1].append(row)
        used += GAP_X + width
    return bands


def _place_band(layers: Layers, band: Sequence[Sequence[int]], top: int, places: dict[int, Place]) -> tuple[int, int]:
    sizes = [[_extent(layers.groups[index]) for index in row] for row in band]
    heights = [sum(height for _, height in row) + GAP_Y * (len(row) - 1) for row in sizes]
    x, tallest = MARGIN, max(heights)
    for row, extents, height in zip(band, sizes, heights, strict=True):
        y = top + (tallest - height) // 2
        column = max(width for width, _ in extents)
        for index, (width, own) in zip(row, extents, strict=True):
            bend = not layers.groups[index].members
            left, wide = (x, column) if bend else (x + (column - width) // 2, width)
            places[index] = Place(left, y, wide, own, top - BAND_GAP // 2)
            y += own + GAP_Y
        x += column + GAP_X
    return x - GAP_X, top + tallest


def _extent(group: Group) -> tuple[int, int]:
    if not group.members:
        return 0, BEND_HEIGHT
    if len(group.members) == 1:
        return BOX_WIDTH, BOX_HEIGHT
    columns, rows, side, gap = _grid(len(group.members))
    return max(columns * (side + gap) - gap + 24, BOX_WIDTH), rows * (side + gap) - gap + HEADING + 24


def _grid(number: int) -> tuple[int, int, int, int]:
    """Columns, rows, side of a square, gap."""
    side, gap = (14, 4) if number <= LARGE_SQUARES else (9, 3)
    columns = max(ceil(sqrt(number * 1.7)), min(number, 8))
    return columns, ceil(number / columns), side, gap


def _box(order: Order, place: Place) -> Box:
    look = ORDER_LOOKS[order.status]
    return Box(place, order.number, order.name, shorten(order.name, LABEL_LENGTH), look.tone, look.icon, look.word)


def _field(orders: Sequence[Order], place: Place, *, linked: bool) -> Field:
    columns, _, side, gap = _grid(len(orders))
    left = place.x + (place.width - columns * (side + gap) + gap) // 2
    top = place.y + HEADING + 12
    corners = [
        (left + index % columns * (side + gap), top + index // columns * (side + gap)) for index in range(len(orders))
    ]
    label = f"{shorten(orders[0].name, 14)} … ({len(orders):,})"
    if not linked:
        return Field(place, label, side, (), _paths(orders, corners, side))
    squares = [
        Square(x, y, order.number, f"{order.name}: {ORDER_LOOKS[order.status].word}", ORDER_LOOKS[order.status].tone)
        for order, (x, y) in zip(orders, corners, strict=True)
    ]
    return Field(place, label, side, squares, {})


def _paths(orders: Sequence[Order], corners: Sequence[tuple[int, int]], side: int) -> dict[str, str]:
    strokes: dict[str, list[str]] = {}
    for order, (x, y) in zip(orders, corners, strict=True):
        strokes.setdefault(ORDER_LOOKS[order.status].tone, []).append(f"M{x} {y}h{side}v{side}h-{side}z")
    return {tone: "".join(parts) for tone, parts in strokes.items()}


def _line(layers: Layers, places: Sequence[Place], start: int, end: int, tone: str) -> Line:
    a, b = places[start], places[end]
    arrow = bool(layers.groups[end].members)
    onwards = "" if arrow else f"H{b.right}"
    if b.x > a.x:
        middle = (a.right + b.x) // 2
        path = f"M{a.right} {a.middle}C{middle} {a.middle} {middle} {b.middle} {b.x} {b.middle}{onwards}"
    else:
        # Around the end of the band: out, down, back to the left, and in.
        path = f"M{a.right} {a.middle}h9V{b.gutter}H{b.x - 9}V{b.middle}H{b.x}{onwards}"
    return Line(path, tone, arrow)


def _summary(orders: Sequence[Order], layers: Layers) -> str:
    done = sum(order.status is OrderStatus.SUCCEEDED for order in orders)
    return (
        f"Picture of {count(len(orders), 'order')} in {count(len(layers.rows), 'step')}, "
        f"{done} succeeded. The table below says the same in words."
    )
