"""Parking and suspending: nothing is created then, and queued orders wait until it is over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.accounts.model import Caller, TenantStatus
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.tenants.model import Tenant, WrongState, check_transition
from chalicelib.accounts.tenants.operations import change
from chalicelib.errors import Fault, Invalid
from chalicelib.jobs.wakeups import wake_all
from chalicelib.wiring import Ports

REASON_LENGTHS = range(10, 501)
REASON_RULE = "must have 10 to 500 characters"


@dataclass(frozen=True, slots=True)
class Verb:
    """From one state to another. `says_why`: it wants a reason."""

    before: TenantStatus
    after: TenantStatus
    permission: Permission
    says_why: bool


VERBS: Mapping[str, Verb] = {
    "park": Verb(TenantStatus.ACTIVE, TenantStatus.PARKED, Permission.TENANT_PARK, says_why=True),
    "unpark": Verb(TenantStatus.PARKED, TenantStatus.ACTIVE, Permission.TENANT_PARK, says_why=False),
    "suspend": Verb(TenantStatus.ACTIVE, TenantStatus.SUSPENDED, Permission.TENANT_SUSPEND, says_why=True),
    "resume": Verb(TenantStatus.SUSPENDED, TenantStatus.ACTIVE, Permission.TENANT_SUSPEND, says_why=False),
}


def act(ports: Ports, caller: Caller, tenant_id: str, name: str, reason: str = "") -> Tenant:
    """One of VERBS. Raises WrongState that names the state, Invalid for a reason that says too little."""
    verb = VERBS[name]
    require(caller, verb.permission, tenant_id)
    reason = reason.strip()
    if verb.says_why and len(reason) not in REASON_LENGTHS:
        raise Invalid("Say why.", [Fault("reason", REASON_RULE)])

    def changed(before: Tenant) -> Tenant:
        if before.status is not verb.before:
            raise WrongState(
                f"The organisation is {before.status}; only one that is {verb.before} can be {_done(name)}."
            )
        check_transition(before.status, verb.after)
        return replace(before, status=verb.after, reason=reason if verb.says_why else "")

    after = change(ports, caller, tenant_id, f"tenant.{name}", changed)
    if not after.status.asleep:
        wake_all(ports, tenant_id)
    return after


def _done(name: str) -> str:
    return f"{name.removesuffix('e')}ed"
