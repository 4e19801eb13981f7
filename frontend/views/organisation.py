"""Organisations and their units, as their pages say them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from chalicelib.accounts.model import TenantStatus
from chalicelib.accounts.tenants.model import Tenant
from chalicelib.accounts.tenants.units import ABOVE, Level, Units
from frontend.views.words import Look

TENANT_LOOKS: Mapping[TenantStatus, Look] = {
    TenantStatus.PENDING: Look("Pending", "wait", "wait"),
    TenantStatus.ACTIVE: Look("Active", "ok", "ok"),
    TenantStatus.PARKED: Look("Parked", "stop", "stop"),
    TenantStatus.SUSPENDED: Look("Suspended", "warn", "warn"),
    TenantStatus.FAILED: Look("Failed", "fail", "fail"),
    TenantStatus.DEPROVISIONED: Look("Deleted", "skip", "skip"),
}
_BELOW: Mapping[str, Level] = {str(above or ""): level for level, above in ABOVE.items()}


@dataclass(frozen=True, slots=True)
class TenantRow:
    tenant_id: str
    name: str
    look: Look
    environment: str
    contact: str
    created_at: datetime


def tenant_row(tenant: Tenant) -> TenantRow:
    return TenantRow(
        tenant.tenant_id,
        tenant.organisation,
        TENANT_LOOKS[tenant.status],
        tenant.environment.value,
        tenant.contact_email,
        tenant.created_at,
    )


def metadata_text(metadata: Mapping[str, Any]) -> str:
    return orjson.dumps(metadata, option=orjson.OPT_INDENT_2).decode() if metadata else ""


@dataclass(frozen=True, slots=True)
class UnitNode:
    """A unit with those inside it; `inner` is the level that can be made in it, empty for a team."""

    unit_id: str
    name: str
    level: str
    inner: str
    children: "tuple[UnitNode, ...]"
    tenants: tuple[str, ...]
    others: tuple[tuple[str, str], ...]
    """Where else it could be: ids and names."""


def unit_nodes(units: Units, names: Mapping[str, str], parent_id: str = "") -> tuple[UnitNode, ...]:
    """Units below a parent. `names` are those of the organisations that are placed in them."""
    return tuple(
        UnitNode(
            unit_id=each.unit_id,
            name=each.name,
            level=each.level.value,
            inner=str(_BELOW.get(each.level.value, "")),
            children=unit_nodes(units, names, each.unit_id),
            tenants=tuple(names.get(tenant_id, tenant_id) for tenant_id in units.placed_in(each.unit_id)),
            others=tuple(_others(units, each.level, each.parent_id)),
        )
        for each in units.children(parent_id)
    )


def _others(units: Units, level: Level, parent_id: str) -> Iterator[tuple[str, str]]:
    for each in units.units.values():
        if each.level is ABOVE[level] and each.unit_id != parent_id:
            yield each.unit_id, unit_path(units, each.unit_id)


def unit_path(units: Units, unit_id: str) -> str:
    """As `Europe / Sales`."""
    unit = units.units[unit_id]
    return f"{unit_path(units, unit.parent_id)} / {unit.name}" if unit.parent_id else unit.name


def unit_choices(units: Units) -> list[tuple[str, str]]:
    return sorted(((each, unit_path(units, each)) for each in units.units), key=lambda choice: choice[1].casefold())
