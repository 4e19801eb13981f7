"""An organisation's own page, and all of them for those who run the platform."""

from typing import Any

from chalicelib.accounts.model import TenantStatus
from chalicelib.accounts.permissions import Permission, may
from chalicelib.accounts.tenants import lifecycle, operations, removal
from chalicelib.accounts.tenants.model import Environment
from chalicelib.accounts.tenants.operations import NewTenant, TenantChanges, TenantFilters
from chalicelib.bodies import read_json
from chalicelib.errors import Conflict, Fault, Invalid, MillraceError, NotFound, Unprocessable
from chalicelib.exchange import Answer
from frontend.door import PagesDoor
from frontend.views.organisation import TENANT_LOOKS, metadata_text, tenant_row
from frontend.visit import Pages, Visit

organisation = Pages(__name__, PagesDoor())

REFUSALS = (Conflict, Invalid, Unprocessable)
ENVIRONMENTS = [each.value for each in Environment]
PAGE = 50
OWN, ONE = "/organisation", "/platform/{tenant_id}"


@organisation.page(OWN, permission=Permission.TENANT_READ)
def own(visit: Visit) -> Answer:
    return _page(visit, OWN)


@organisation.page(OWN, methods=("POST",), permission=Permission.TENANT_WRITE)
def change_own(visit: Visit) -> Answer:
    return _change(visit, OWN)


@organisation.page(f"{OWN}/park", methods=("POST",), permission=Permission.TENANT_PARK)
def park(visit: Visit) -> Answer:
    return _act(visit, OWN, "park")


@organisation.page(f"{OWN}/unpark", methods=("POST",), permission=Permission.TENANT_PARK)
def unpark(visit: Visit) -> Answer:
    return _act(visit, OWN, "unpark")


@organisation.page(f"{OWN}/delete", methods=("POST",), permission=Permission.TENANT_DELETE)
def delete_own(visit: Visit) -> Answer:
    return _delete(visit, OWN)


@organisation.page("/platform", permission=Permission.TENANTS_READ)
def platform(visit: Visit) -> Answer:
    return _list(visit)


@organisation.page("/platform/new", methods=("POST",), permission=Permission.TENANTS_READ)
def create(visit: Visit) -> Answer:
    name, contact = visit.form.text("organisation_name"), visit.form.text("contact_email")
    new = NewTenant(organisation=name, contact_email=contact, environment=_environment(visit))
    try:
        made = operations.create(visit.ports, visit.caller, new)
    except REFUSALS as error:
        return _list(visit, error, name=name, contact=contact)
    return visit.go_to(f"/platform/{made.tenant_id}", did="tenant-made")


@organisation.page(ONE, permission=Permission.TENANTS_READ)
def one(visit: Visit, tenant_id: str) -> Answer:
    return _page(visit, f"/platform/{tenant_id}")


@organisation.page(ONE, methods=("POST",), permission=Permission.TENANT_WRITE)
def change_one(visit: Visit, tenant_id: str) -> Answer:
    return _change(visit, f"/platform/{tenant_id}")


@organisation.page(f"{ONE}/suspend", methods=("POST",), permission=Permission.TENANT_SUSPEND)
def suspend(visit: Visit, tenant_id: str) -> Answer:
    return _act(visit, f"/platform/{tenant_id}", "suspend")


@organisation.page(f"{ONE}/resume", methods=("POST",), permission=Permission.TENANT_SUSPEND)
def resume(visit: Visit, tenant_id: str) -> Answer:
    return _act(visit, f"/platform/{tenant_id}", "resume")


@organisation.page(f"{ONE}/delete", methods=("POST",), permission=Permission.TENANT_DELETE)
def delete_one(visit: Visit, tenant_id: str) -> Answer:
    return _delete(visit, f"/platform/{tenant_id}")


def _change(visit: Visit, path: str) -> Answer:
    values = {name: visit.form.text(name) for name in ("organisation_name", "contact_email", "metadata")}
    try:
        changes = TenantChanges(
            organisation=values["organisation_name"],
            contact_email=values["contact_email"],
            environment=_environment(visit),
            metadata=_metadata(visit, values["metadata"]),
        )
        operations.update(visit.ports, visit.caller, visit.caller.tenant_id, changes)
    except REFUSALS as error:
        return _page(visit, path, error, values=values)
    return visit.go_to(path, did="tenant-changed")


def _environment(visit: Visit) -> Environment:
    text = visit.form.text("environment")
    return Environment(text) if text in ENVIRONMENTS else Environment.PROD


def _metadata(visit: Visit, text: str) -> dict[str, Any]:
    """As a merge: what is not in the text any more is taken away."""
    given = read_json(text.encode()) if text.strip() else {}
    if not isinstance(given, dict):
        raise Invalid("The metadata must be a JSON object.", [Fault("metadata", "must be a JSON object")])
    before = operations.get(visit.ports, visit.caller, visit.caller.tenant_id).metadata
    return {**dict.fromkeys(before), **given}


def _act(visit: Visit, path: str, verb: str) -> Answer:
    reason = visit.form.text("reason")
    try:
        lifecycle.act(visit.ports, visit.caller, visit.caller.tenant_id, verb, reason)
    except REFUSALS as error:
        return _page(visit, path, error, values={"reason": reason})
    return visit.go_to(path, did=f"tenant-{verb}")


def _delete(visit: Visit, path: str) -> Answer:
    confirm = visit.form.text("confirm")
    try:
        removal.delete(visit.ports, visit.caller, visit.caller.tenant_id, force=True, confirm=confirm)
    except REFUSALS as error:
        return _page(visit, path, error, values={"confirm": confirm})
    return visit.go_to("/" if path == OWN else path, did="tenant-delete")


def _page(
    visit: Visit, path: str, error: MillraceError | None = None, *, values: dict[str, str] | None = None
) -> Answer:
    caller = visit.caller
    tenant = operations.get(visit.ports, caller, caller.tenant_id)
    shown = {
        "organisation_name": tenant.organisation,
        "contact_email": tenant.contact_email,
        "metadata": metadata_text(tenant.metadata),
        "reason": "",
        "confirm": "",
        **(values or {}),
    }
    deletes = may(caller, Permission.TENANT_DELETE) and tenant.status is not TenantStatus.DEPROVISIONED
    return visit.page(
        "organisation.html",
        status=error.status if error else 200,
        path=path,
        own=path == OWN,
        tenant=tenant,
        look=TENANT_LOOKS[tenant.status],
        parent=_parent_name(visit, tenant.parent_tenant_id),
        values=shown,
        environments=ENVIRONMENTS,
        fault=error.detail if error else "",
        faults=_places(error),
        active=removal.what_is_active(visit.ports, caller, tenant.tenant_id) if deletes else [],
        deletes=deletes,
    )


def _parent_name(visit: Visit, parent_id: str) -> str:
    if not parent_id:
        return ""
    try:
        return operations.find(visit.ports, parent_id).organisation
    except NotFound:
        return ""


def _places(error: MillraceError | None) -> dict[str, str]:
    return {each.place: f"It {each.message}." for each in error.faults} if isinstance(error, Invalid) else {}


def _list(visit: Visit, error: MillraceError | None = None, *, name: str = "", contact: str = "") -> Answer:
    given = {each: visit.request.first(each) for each in ("status", "environment", "name")}
    cursor = visit.request.first("cursor")
    filters = TenantFilters(
        status=TenantStatus(given["status"]) if given["status"] in set(TenantStatus) else None,
        environment=Environment(given["environment"]) if given["environment"] in ENVIRONMENTS else None,
        name=given["name"],
    )
    page = operations.list_all(visit.ports, visit.caller, filters, limit=PAGE, cursor=cursor or None)
    return visit.page(
        "platform.html",
        status=error.status if error else 200,
        rows=[tenant_row(each) for each in page.items],
        filters=given,
        filtered=any(given.values()) or bool(cursor),
        statuses=[(status.value, look.word) for status, look in TENANT_LOOKS.items()],
        environments=ENVIRONMENTS,
        next_url=visit.url("/platform", **given, cursor=page.cursor) if page.cursor else "",
        fault=error.detail if error else "",
        faults=_places(error),
        name=name,
        contact=contact,
    )
