"""Who may do what: one catalogue, and the one check that every operation makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.accounts.model import Caller, Role
from chalicelib.errors import MillraceError, NotAllowed, NotFound


class Permission(StrEnum):
    ACCOUNT_READ = "account.read"
    """Of oneself, as all of `account`."""
    ACCOUNT_WRITE = "account.write"
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"
    MEMBERS_READ = "members.read"
    MEMBERS_WRITE = "members.write"
    INVITATIONS_READ = "invitations.read"
    INVITATIONS_WRITE = "invitations.write"
    TENANT_READ = "tenant.read"
    TENANT_WRITE = "tenant.write"
    TENANT_PARK = "tenant.park"
    TENANT_DELETE = "tenant.delete"
    TENANT_SUSPEND = "tenant.suspend"
    """And resume."""
    TENANTS_READ = "tenants.read"
    """All of the platform."""
    TENANTS_CREATE = "tenants.create"
    """Below one's own; a platform admin anywhere."""
    UNITS_READ = "units.read"
    UNITS_WRITE = "units.write"
    AUDIT_READ = "audit.read"
    LIMITS_READ = "limits.read"
    LIMITS_WRITE = "limits.write"
    NOTIFICATIONS_READ = "notifications.read"
    NOTIFICATIONS_WRITE = "notifications.write"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_WRITE = "webhook.write"
    TEMPLATES_READ = "templates.read"
    TEMPLATES_WRITE = "templates.write"
    SEEDS_READ = "seeds.read"
    SEEDS_WRITE = "seeds.write"
    GENERATION_READ = "generation.read"
    GENERATION_WRITE = "generation.write"
    """It spends money."""
    COSTS_READ = "costs.read"


@dataclass(frozen=True, slots=True)
class Rule:
    """`roles` that have a permission; platform admins have all.

    `asleep`: in a parked or suspended tenant too. `by_key`: with an API key too.
    """

    roles: frozenset[Role]
    asleep: bool
    by_key: bool


NOBODY: frozenset[Role] = frozenset()
ADMINS = NOBODY | {Role.ADMIN}
OPERATORS = ADMINS | {Role.OPERATOR}
ALL = OPERATORS | {Role.VIEWER}


def _rule(roles: frozenset[Role], *, asleep: bool = False, by_key: bool = True) -> Rule:
    return Rule(roles, asleep, by_key)


CATALOGUE: Mapping[Permission, Rule] = {
    Permission.ACCOUNT_READ: _rule(ALL, asleep=True),
    Permission.ACCOUNT_WRITE: _rule(ALL, asleep=True, by_key=False),
    Permission.KEYS_READ: _rule(ALL, asleep=True, by_key=False),
    Permission.KEYS_WRITE: _rule(ALL, by_key=False),
    Permission.JOBS_READ: _rule(ALL, asleep=True),
    Permission.JOBS_WRITE: _rule(OPERATORS),
    Permission.MEMBERS_READ: _rule(ALL, asleep=True),
    Permission.MEMBERS_WRITE: _rule(ADMINS),
    Permission.INVITATIONS_READ: _rule(ADMINS, asleep=True),
    Permission.INVITATIONS_WRITE: _rule(ADMINS),
    Permission.TENANT_READ: _rule(ALL, asleep=True),
    Permission.TENANT_WRITE: _rule(ADMINS),
    Permission.TENANT_PARK: _rule(ADMINS, asleep=True),
    Permission.TENANT_DELETE: _rule(ADMINS, asleep=True, by_key=False),
    Permission.TENANT_SUSPEND: _rule(NOBODY, asleep=True),
    Permission.TENANTS_READ: _rule(NOBODY, asleep=True),
    Permission.TENANTS_CREATE: _rule(ADMINS),
    Permission.UNITS_READ: _rule(ALL, asleep=True),
    Permission.UNITS_WRITE: _rule(ADMINS),
    Permission.AUDIT_READ: _rule(ADMINS, asleep=True),
    Permission.LIMITS_READ: _rule(ALL, asleep=True),
    Permission.LIMITS_WRITE: _rule(NOBODY, asleep=True),
    Permission.NOTIFICATIONS_READ: _rule(ADMINS, asleep=True),
    Permission.NOTIFICATIONS_WRITE: _rule(ADMINS),
    Permission.WEBHOOK_READ: _rule(ADMINS, asleep=True),
    Permission.WEBHOOK_WRITE: _rule(ADMINS),
    Permission.TEMPLATES_READ: _rule(ALL, asleep=True),
    Permission.TEMPLATES_WRITE: _rule(OPERATORS),
    Permission.SEEDS_READ: _rule(ALL, asleep=True),
    Permission.SEEDS_WRITE: _rule(OPERATORS),
    Permission.GENERATION_READ: _rule(ALL, asleep=True),
    Permission.GENERATION_WRITE: _rule(OPERATORS),
    Permission.COSTS_READ: _rule(ALL, asleep=True),
}


class TenantAsleep(NotAllowed):
    type = "tenant-asleep"
    title = "The organisation is parked or suspended"


def require(caller: Caller, permission: Permission, tenant_id: str | None = None) -> None:
    """Raises NotFound for another tenant than the caller's, NotAllowed for what the caller may not do in their own."""
    if tenant_id is not None and tenant_id != caller.tenant_id:
        raise no_such_tenant(tenant_id)
    if error := _refusal(caller, permission):
        raise error


def may(caller: Caller, permission: Permission) -> bool:
    return _refusal(caller, permission) is None


def no_such_tenant(tenant_id: str) -> NotFound:
    """The same for a tenant that is not there and for one that is none of the caller's business."""
    return NotFound(f"There is no organisation {tenant_id}.")


def _refusal(caller: Caller, permission: Permission) -> MillraceError | None:
    rule = CATALOGUE[permission]
    if not (caller.platform_admin or caller.role in rule.roles):
        return NotAllowed(_advice(caller, rule))
    if caller.key_id and not rule.by_key:
        return NotAllowed("An API key may not do this; sign in with your password.")
    if caller.scope is not None and permission not in caller.scope:
        return NotAllowed(f"The API key does not have the permission {permission}.")
    if caller.tenant_status.asleep and not (rule.asleep and (caller.platform_admin or caller.role is Role.ADMIN)):
        return TenantAsleep(f"The organisation is {caller.tenant_status}: its admins can look, and nothing is changed.")
    return None


def _advice(caller: Caller, rule: Rule) -> str:
    if not rule.roles:
        return "Only those who run the platform may do this."
    if caller.role is Role.VIEWER:
        return "Viewers can look, but not change anything; ask an admin of your organisation for more."
    return "Only admins of your organisation may do this; ask one of them."
