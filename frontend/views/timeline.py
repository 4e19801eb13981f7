"""When each attempt of each order ran, on one axis from the job's first start to its end (or now)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from chalicelib.jobs.model import Order
from frontend.views.words import ORDER_LOOKS, duration

UNITS = 1000
"""Width of the axis; bars are SVG rectangles in these units, so that no style attribute is needed."""
LEAST = 4


class Bar(NamedTuple):
    x: int
    width: int
    tone: str


@dataclass(frozen=True, slots=True)
class Axis:
    start: datetime
    seconds: float

    def bar(self, start: datetime, end: datetime, tone: str) -> Bar:
        x = self._at(start)
        return Bar(min(x, UNITS - LEAST), max(self._at(end) - x, LEAST), tone)

    def _at(self, moment: datetime) -> int:
        return round(min(max((moment - self.start).total_seconds() / self.seconds, 0.0), 1.0) * UNITS)

    @property
    def marks(self) -> Sequence[str]:
        """What stands at the start, the middle and the end."""
        return ("0 s", duration(self.seconds / 2), duration(self.seconds))


def axis(orders: Sequence[Order], now: datetime) -> Axis | None:
    """None while nothing has started."""
    starts = [moment for order in orders for moment in _starts(order)]
    if not starts:
        return None
    ends = [order.ended_at if order.status.ended else now for order in orders if order.started_at]
    start = min(starts)
    last = max([end for end in ends if end], default=now)
    return Axis(start, max((last - start).total_seconds(), 0.001))


def _starts(order: Order) -> list[datetime]:
    earlier = [attempt.started_at for attempt in order.attempts if attempt.started_at]
    return [*earlier, order.started_at] if order.started_at else earlier


def bars(order: Order, axis: Axis, now: datetime) -> list[Bar]:
    found = [
        axis.bar(attempt.started_at, attempt.ended_at or now, ORDER_LOOKS[attempt.status].tone)
        for attempt in order.attempts
        if attempt.started_at and attempt.number != order.attempt
    ]
    if order.started_at:
        found.append(axis.bar(order.started_at, order.ended_at or now, ORDER_LOOKS[order.status].tone))
    return found
