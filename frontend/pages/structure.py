"""Where an organisation stands: its tree, and the divisions, groups and teams inside it."""

from chalicelib.accounts.permissions import Permission
from chalicelib.accounts.tenants import moving, operations, structuring
from chalicelib.accounts.tenants.units import Level
from chalicelib.errors import Conflict, Invalid, MillraceError, NotFound, Unprocessable
from chalicelib.exchange import Answer
from frontend.door import PagesDoor
from frontend.views.organisation import tenant_row, unit_choices, unit_nodes
from frontend.visit import Pages, Visit

structure = Pages(__name__, PagesDoor())

REFUSALS = (Conflict, Invalid, NotFound, Unprocessable)


@structure.page("/structure", permission=Permission.UNITS_READ)
def tree(visit: Visit) -> Answer:
    return _page(visit)


@structure.page("/structure/units", methods=("POST",), permission=Permission.UNITS_WRITE)
def create_unit(visit: Visit) -> Answer:
    level = visit.form.text("level")
    if level not in set(Level):
        raise Invalid("Choose a division, a group or a team.")
    try:
        structuring.create(
            visit.ports,
            visit.caller,
            visit.caller.tenant_id,
            level=Level(level),
            name=visit.form.text("name"),
            parent_id=visit.form.text("parent_id"),
        )
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/structure", did="unit-made")


@structure.page("/structure/units/{unit_id}", methods=("POST",), permission=Permission.UNITS_WRITE)
def change_unit(visit: Visit, unit_id: str) -> Answer:
    try:
        structuring.update(
            visit.ports,
            visit.caller,
            visit.caller.tenant_id,
            unit_id,
            name=visit.form.text("name"),
            parent_id=visit.form.text("parent_id") or None,
        )
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/structure", did="unit-changed")


@structure.page("/structure/units/{unit_id}/delete", methods=("POST",), permission=Permission.UNITS_WRITE)
def delete_unit(visit: Visit, unit_id: str) -> Answer:
    confirm = visit.form.text("confirm")
    try:
        structuring.delete(
            visit.ports, visit.caller, visit.caller.tenant_id, unit_id, cascade=bool(confirm), confirm=confirm
        )
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/structure", did="unit-deleted")


@structure.page("/structure/place", methods=("POST",), permission=Permission.TENANT_WRITE)
def place(visit: Visit) -> Answer:
    try:
        moving.place(visit.ports, visit.caller, visit.caller.tenant_id, visit.form.text("unit_id"))
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/structure", did="tenant-changed")


@structure.page("/structure/move", methods=("POST",), permission=Permission.TENANT_WRITE)
def move(visit: Visit) -> Answer:
    try:
        moving.move(visit.ports, visit.caller, visit.caller.tenant_id, visit.form.text("parent_tenant_id").strip())
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/structure", did="tenant-changed")


@structure.page("/structure/children", methods=("POST",), permission=Permission.TENANTS_CREATE)
def create_child(visit: Visit) -> Answer:
    new = operations.NewTenant(
        organisation=visit.form.text("organisation_name"), parent_tenant_id=visit.caller.tenant_id
    )
    try:
        operations.create(visit.ports, visit.caller, new)
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/structure", did="tenant-made")


def _page(visit: Visit, error: MillraceError | None = None) -> Answer:
    caller = visit.caller
    tenant = operations.get(visit.ports, caller, caller.tenant_id)
    units = structuring.get_units(visit.ports, caller, caller.tenant_id)
    placed = structuring.placed_tenants(visit.ports, caller, caller.tenant_id)
    names = {each.tenant_id: each.organisation for each in placed}
    seat = moving.seat_of(visit.ports, caller, caller.tenant_id)
    return visit.page(
        "structure.html",
        status=error.status if error else 200,
        tenant=tenant,
        fault=error.detail if error else "",
        faults=error.faults if isinstance(error, Invalid) else (),
        nodes=unit_nodes(units, names),
        above=[each.organisation for each in seat.above],
        children=[tenant_row(each) for each in seat.children],
        places=unit_choices(seat.units),
    )
