"""Costs as the page shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.generation.costs import CostRow
from frontend.views.charts import length
from frontend.views.money import share, usd


@dataclass(frozen=True, slots=True)
class CostLine:
    label: str
    records: str
    calls: str
    tokens: str
    cost: str
    share: str
    width: int


def rows_of(rows: Sequence[CostRow]) -> list[CostLine]:
    whole = sum(row.cost for row in rows)
    longest = max((row.cost for row in rows), default=0)
    return [_line(row, whole, longest) for row in rows]


def _line(row: CostRow, whole: int, longest: int) -> CostLine:
    return CostLine(
        label=row.label,
        records=f"{row.records:,}",
        calls=f"{row.calls:,}",
        tokens=f"{row.input_tokens + row.output_tokens:,}",
        cost=usd(row.cost),
        share=share(row.cost, whole),
        width=length(row.cost, longest),
    )


def figures(days: Sequence[CostRow]) -> list[tuple[str, str]]:
    cost, records = sum(row.cost for row in days), sum(row.records for row in days)
    tokens = sum(row.input_tokens + row.output_tokens for row in days)
    return [
        ("Spent", usd(cost)),
        ("Records made", f"{records:,}"),
        ("Tokens", f"{tokens:,}"),
        ("A record", usd(-(-cost // records)) if records else "-"),
    ]
