"""What the engine asks of a tenant before it starts anything of it."""

from dataclasses import dataclass

from chalicelib.accounts.model import TenantStatus
from chalicelib.accounts.tenants import store
from chalicelib.accounts.tenants.model import NO_LIMITS, Limits
from chalicelib.documents import Documents, Update

_HELD = frozenset({TenantStatus.PARKED, TenantStatus.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Standing:
    """`why_held` says why its orders wait; empty when they need not. `notifies`: it has notification channels."""

    why_held: str = ""
    limits: Limits = NO_LIMITS
    notifies: bool = False


FREE = Standing()


def channel_counted(tenant_id: str, more: int) -> Update:
    """One notification channel more, or less."""
    return store.count_channels(tenant_id, more)


def standing(documents: Documents, tenant_id: str) -> Standing:
    tenant = store.get_tenant(documents, tenant_id)
    if tenant is None:
        return FREE
    held = f"waits: the organisation is {tenant.status}" if tenant.status in _HELD else ""
    return Standing(held, tenant.limits, notifies=tenant.channels > 0)
