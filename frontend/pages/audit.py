"""Who did what, and the same to take away."""

from datetime import UTC, datetime, timedelta

from chalicelib.accounts.permissions import Permission
from chalicelib.audit import operations
from chalicelib.audit.operations import AuditFilters
from chalicelib.exchange import Answer
from frontend.door import PagesDoor
from frontend.views.audit import audit_row
from frontend.visit import Pages, Visit

audit = Pages(__name__, PagesDoor())

FILTERS = ("actor", "action", "resource", "since", "until")
PAGE = 50


@audit.page("/audit", permission=Permission.AUDIT_READ)
def entries(visit: Visit) -> Answer:
    given = _given(visit)
    cursor = visit.request.first("cursor")
    page = operations.search(
        visit.ports, visit.caller, visit.caller.tenant_id, _filters(given), limit=PAGE, cursor=cursor or None
    )
    return visit.page(
        "audit.html",
        rows=[audit_row(each) for each in page.items],
        filters=given,
        filtered=any(given.values()),
        export_url=visit.url("/audit/export", **given),
        next_url=visit.url("/audit", **given, cursor=page.cursor) if page.cursor else "",
        first_url=visit.url("/audit", **given) if cursor else "",
    )


@audit.page("/audit/export", permission=Permission.AUDIT_READ)
def export(visit: Visit) -> Answer:
    made = operations.export(visit.ports, visit.caller, visit.caller.tenant_id, _filters(_given(visit)))
    told = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": 'attachment; filename="audit.csv"'}
    return Answer(made.text, 200, {**told})


def _given(visit: Visit) -> dict[str, str]:
    return {name: visit.request.first(name).strip()[:300] for name in FILTERS}


def _filters(given: dict[str, str]) -> AuditFilters:
    """Dates are whole days in UTC; what cannot be read filters nothing."""
    until = _day(given["until"])
    return AuditFilters(
        actor=given["actor"],
        action=given["action"],
        resource=given["resource"],
        since=_day(given["since"]),
        until=until + timedelta(days=1) if until else None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
