"""What a tenant may use and what it has used."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.tenants import operations as tenants
from chalicelib.accounts.tenants.model import Limits
from chalicelib.accounts.tenants.standing import standing
from chalicelib.errors import Fault, Invalid
from chalicelib.jobs import clearing, slots
from chalicelib.limits import budget, storage
from chalicelib.limits.budget import Month
from chalicelib.wiring import Ports

BOUNDS: Mapping[str, tuple[int, int]] = {
    "concurrency": (0, slots.MOST),
    "monthly_budget": (0, 10**15),
    "request_rate": (1, 1_000_000),
    "storage": (0, 2**53),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """`open_jobs` is counted up to 100; `storage` is in bytes, `orders_in_flight` None without a limit of them."""

    open_jobs: int
    orders_in_flight: int | None
    storage: int
    month: Month


def get(ports: Ports, caller: Caller, tenant_id: str) -> Limits:
    require(caller, Permission.LIMITS_READ, tenant_id)
    return standing(ports.documents, tenant_id).limits


def change(ports: Ports, caller: Caller, tenant_id: str, changes: Mapping[str, int | None]) -> Limits:
    """Those that are named; None takes a limit away. Raises Invalid for what is out of its bounds."""
    require(caller, Permission.LIMITS_WRITE, tenant_id)
    faults = [
        Fault(name, f"must be {BOUNDS[name][0]:,} to {BOUNDS[name][1]:,}, or null")
        for name, value in changes.items()
        if value is not None and not BOUNDS[name][0] <= value <= BOUNDS[name][1]
    ]
    if faults:
        raise Invalid("The limits have faults.", faults)
    return tenants.set_limits(ports, caller, tenant_id, lambda before: replace(before, **changes)).limits


def usage(ports: Ports, caller: Caller, tenant_id: str) -> Usage:
    require(caller, Permission.LIMITS_READ, tenant_id)
    limited = standing(ports.documents, tenant_id).limits.concurrency is not None
    return Usage(
        open_jobs=clearing.count_open(ports, tenant_id),
        orders_in_flight=slots.count_taken(ports.documents, tenant_id) if limited else None,
        storage=storage.used(ports, tenant_id),
        month=budget.month(ports, tenant_id),
    )
