"""Where others post jobs to an organisation, and what came there."""

from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import Conflict, Invalid, MillraceError
from chalicelib.exchange import Answer
from chalicelib.webhook import hooks
from frontend.door import PagesDoor
from frontend.views.webhook import received_row
from frontend.visit import Pages, Visit

webhook = Pages(__name__, PagesDoor())

ADDRESS = "/webhook"
REFUSALS = (Conflict, Invalid)


@webhook.page(ADDRESS, permission=Permission.WEBHOOK_READ)
def show(visit: Visit) -> Answer:
    return _page(visit)


@webhook.page(ADDRESS, methods=("POST",), permission=Permission.WEBHOOK_WRITE)
def change(visit: Visit) -> Answer:
    """A token that is left empty stays as it is."""
    job, token = visit.form.text("job").replace("\r\n", "\n"), visit.form.text("token").strip() or None
    if visit.form.text("forget"):
        token = ""
    try:
        hooks.edit(visit.ports, visit.caller, visit.caller.tenant_id, job=job, token=token)
    except REFUSALS as error:
        return _page(visit, error, job=job)
    return visit.go_to(ADDRESS, did="webhook-changed")


@webhook.page(f"{ADDRESS}/secret", methods=("POST",), permission=Permission.WEBHOOK_WRITE)
def rotate(visit: Visit) -> Answer:
    secret = hooks.rotate(visit.ports, visit.caller, visit.caller.tenant_id)
    return visit.page("webhook_secret.html", secret=secret, address=_address(visit), path=ADDRESS)


@webhook.page(f"{ADDRESS}/close", methods=("POST",), permission=Permission.WEBHOOK_WRITE)
def close(visit: Visit) -> Answer:
    hooks.close(visit.ports, visit.caller, visit.caller.tenant_id)
    return visit.go_to(ADDRESS, did="webhook-closed")


def _address(visit: Visit) -> str:
    return f"{visit.ports.settings.address}/api/webhook/{visit.caller.tenant_id}"


def _page(visit: Visit, error: MillraceError | None = None, *, job: str | None = None) -> Answer:
    hook = hooks.get(visit.ports, visit.caller, visit.caller.tenant_id)
    received = hooks.list_received(visit.ports, visit.caller, visit.caller.tenant_id)
    return visit.page(
        "webhook.html",
        status=error.status if error else 200,
        address=_address(visit),
        hook=hook,
        job=hook.job if job is None else job,
        rows=[received_row(each) for each in received],
        writes=may(visit.caller, Permission.WEBHOOK_WRITE),
        fault=error.detail if error else "",
        faults=[f"{each.place} {each.message}." for each in error.faults] if error else [],
    )
