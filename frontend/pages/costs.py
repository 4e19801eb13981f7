"""What generation has cost: by day, model, template and member, as pictures, tables and CSV."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import NotFound
from chalicelib.exchange import Answer, text_answer
from chalicelib.generation.costs import By, CostRow, as_csv, summary
from frontend.door import PagesDoor
from frontend.views.charts import columns
from frontend.views.costs import figures, rows_of
from frontend.visit import Pages, Visit

costs = Pages(__name__, PagesDoor())

DAYS = 30
LONGEST = timedelta(days=366)
BREAKDOWNS: Mapping[By, str] = {"day": "Day", "model": "Model", "template": "Template", "member": "Member"}


@costs.page("/costs", permission=Permission.COSTS_READ)
def overview(visit: Visit) -> Answer:
    since, until = _span(visit)
    found = {by: summary(visit.ports, visit.caller, since=since, until=until, by=by) for by in BREAKDOWNS}
    days = _every_day(found["day"], since, until)
    return visit.page(
        "costs.html",
        since=since.isoformat(),
        until=until.isoformat(),
        figures=figures(found["day"]),
        chart=columns(days, thing="Cost by day"),
        breakdowns=[
            (by, word, rows_of(found[by]), visit.url("/costs/csv", by=by, since=since, until=until))
            for by, word in BREAKDOWNS.items()
        ],
        empty=not found["day"],
    )


@costs.page("/costs/csv", permission=Permission.COSTS_READ)
def as_file(visit: Visit) -> Answer:
    wanted = visit.request.first("by")
    by = next((each for each in BREAKDOWNS if each == wanted), None)
    if by is None:
        raise NotFound("Costs are summed by day, model, template or member.")
    since, until = _span(visit)
    text = as_csv(summary(visit.ports, visit.caller, since=since, until=until, by=by), by)
    headers: dict[str, str | list[str]] = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="costs-by-{by}-{since}-{until}.csv"',
    }
    return text_answer(text.encode(), headers)


def _span(visit: Visit) -> tuple[date, date]:
    """Days in UTC, both included; what cannot be read means the last thirty."""
    until = _day(visit.request.first("until")) or visit.now.date()
    since = _day(visit.request.first("since")) or until - timedelta(days=DAYS - 1)
    return max(min(since, until), until - LONGEST), until


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _every_day(rows: list[CostRow], since: date, until: date) -> list[tuple[str, int]]:
    """Days without costs are columns without height."""
    found = {row.key: row.cost for row in rows}
    days = [(since + timedelta(days=number)).isoformat() for number in range((until - since).days + 1)]
    return [(day, found.get(day, 0)) for day in days]
