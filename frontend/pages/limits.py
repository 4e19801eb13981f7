"""What an organisation may use and has used."""

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Invalid, MillraceError
from chalicelib.exchange import Answer
from chalicelib.limits import operations
from frontend.door import PagesDoor
from frontend.views.limits import limit_fields, meters, read_limit
from frontend.visit import Pages, Visit

limits = Pages(__name__, PagesDoor())


@limits.page("/limits", permission=Permission.LIMITS_READ)
def own(visit: Visit) -> Answer:
    return _page(visit, "/limits")


@limits.page("/platform/{tenant_id}/limits", permission=Permission.LIMITS_WRITE)
def one(visit: Visit, tenant_id: str) -> Answer:
    return _page(visit, f"/platform/{tenant_id}/limits")


@limits.page("/platform/{tenant_id}/limits", methods=("POST",), permission=Permission.LIMITS_WRITE)
def change(visit: Visit, tenant_id: str) -> Answer:
    path = f"/platform/{tenant_id}/limits"
    given = {name: visit.form.text(name).strip() for name in operations.BOUNDS}
    try:
        changes = {name: read_limit(name, text) for name, text in given.items()}
        operations.change(visit.ports, visit.caller, tenant_id, changes)
    except Invalid as error:
        return _page(visit, path, error, given=given)
    return visit.go_to(path, did="limits")


def _page(
    visit: Visit, path: str, error: MillraceError | None = None, *, given: dict[str, str] | None = None
) -> Answer:
    caller = visit.caller
    found = operations.get(visit.ports, caller, caller.tenant_id)
    usage = operations.usage(visit.ports, caller, caller.tenant_id)
    return visit.page(
        "limits.html",
        status=error.status if error else 200,
        path=path,
        own=path == "/limits",
        meters=meters(found, usage),
        open_jobs=usage.open_jobs,
        fields=limit_fields(found, given or {}),
        faults={each.place: f"It {each.message}." for each in error.faults} if isinstance(error, Invalid) else {},
    )
