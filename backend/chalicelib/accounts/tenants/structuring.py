"""Changing the divisions, groups and teams of a tenant."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.rules import ORGANISATION_RULE, is_organisation
from chalicelib.accounts.tenants import store
from chalicelib.accounts.tenants.model import Tenant
from chalicelib.accounts.tenants.units import Level, Unit, UnitNotEmpty, Units
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Write
from chalicelib.errors import Conflict, Fault, Invalid
from chalicelib.wiring import Ports

_TRIES = 50


def get_units(ports: Ports, caller: Caller, tenant_id: str) -> Units:
    require(caller, Permission.UNITS_READ, tenant_id)
    return store.get_units(ports.documents, tenant_id)


def placed_tenants(ports: Ports, caller: Caller, tenant_id: str) -> Sequence[Tenant]:
    """Those that are placed in a unit of this one."""
    placed = get_units(ports, caller, tenant_id).placed
    return store.get_tenants(ports.documents, sorted(placed))


def create(
    ports: Ports, caller: Caller, tenant_id: str, *, level: Level, name: str, parent_id: str = "", unit_id: str = ""
) -> Unit:
    """With the `unit_id` of an earlier attempt, that one's unit."""
    require(caller, Permission.UNITS_WRITE, tenant_id)
    unit = Unit(unit_id or ports.clock.new_id(), level, _checked(name), parent_id)

    def added(before: Units) -> Units:
        return before if unit.unit_id in before.units else before.added(unit)

    after = _write(ports, caller, tenant_id, action="unit.create", unit_id=unit.unit_id, changed=added)
    return after.find(unit.unit_id)


def update(
    ports: Ports, caller: Caller, tenant_id: str, unit_id: str, *, name: str | None = None, parent_id: str | None = None
) -> Unit:
    """Another name, or another parent of the right level, to which it moves with all that is inside; or both."""
    require(caller, Permission.UNITS_WRITE, tenant_id)
    name = None if name is None else _checked(name)

    def changed(before: Units) -> Units:
        return before.changed(unit_id, name=name, parent_id=parent_id)

    return _write(ports, caller, tenant_id, action="unit.update", unit_id=unit_id, changed=changed).find(unit_id)


def delete(
    ports: Ports, caller: Caller, tenant_id: str, unit_id: str, *, cascade: bool = False, confirm: str = ""
) -> None:
    """Only when it is empty; with `cascade` and its name to confirm it, with all that is inside."""
    require(caller, Permission.UNITS_WRITE, tenant_id)

    def removed(before: Units) -> Units:
        if cascade and confirm != before.find(unit_id).name:
            raise UnitNotEmpty(f"To delete all that is inside, send confirm={before.find(unit_id).name}.")
        return before.without(unit_id, cascade=cascade)

    _write(ports, caller, tenant_id, action="unit.delete", unit_id=unit_id, changed=removed)


def _write(
    ports: Ports, caller: Caller, tenant_id: str, *, action: str, unit_id: str, changed: Callable[[Units], Units]
) -> Units:
    for _ in range(_TRIES):
        before = store.get_units(ports.documents, tenant_id)
        after = changed(before)
        if after is before:
            return before
        writes = [
            store.put_units(tenant_id, after),
            *_homeless(before, after),
            entry(
                ports.clock,
                caller,
                action,
                f"unit/{unit_id}",
                before=_told(before, unit_id),
                after=_told(after, unit_id),
            ),
        ]
        try:
            ports.documents.transact(writes)
        except ConditionFailed:
            continue
        return after
    raise Conflict("The units are changing too fast just now; try again.")


MOST_HOMELESS = 90
"""So many tenants can lose their place in one transaction."""


def _homeless(before: Units, after: Units) -> list[Write]:
    """Tenants whose unit is gone say so themselves too."""
    gone = sorted(before.placed.keys() - after.placed.keys())
    if len(gone) > MOST_HOMELESS:
        raise UnitNotEmpty(f"It holds {len(gone)} organisations; move some elsewhere first.")
    return [store.unplace(each) for each in gone]


def _told(units: Units, unit_id: str) -> Mapping[str, Any] | None:
    return asdict(units.units[unit_id]) if unit_id in units.units else None


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not is_organisation(name):
        raise Invalid("The unit has faults.", [Fault("name", ORGANISATION_RULE)])
    return name
