"""Deleting a tenant: closed at once with all that is below it, then torn down leaf first by a job of our own engine."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.accounts import store as members
from chalicelib.accounts.model import Caller, TenantStatus
from chalicelib.accounts.permissions import Permission, require
from chalicelib.accounts.tenants import moving, store
from chalicelib.accounts.tenants.model import Tenant, check_transition, told
from chalicelib.accounts.tenants.operations import busy, find
from chalicelib.accounts.tenants.teardown import TEARDOWN
from chalicelib.accounts.tenants.tree import Tree
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Index, Write
from chalicelib.errors import Unprocessable
from chalicelib.jobs import builtin, clearing
from chalicelib.jobs.model import OrderSpec
from chalicelib.jobs.wakeups import wake
from chalicelib.wiring import Ports

MOST_AT_ONCE = 30
"""Tenants that one deletion closes in its transaction."""
TEARDOWN_SECONDS = 3600
_TRIES = 20


class StillActive(Unprocessable):
    type = "still-active"
    title = "The organisation is in use"


def what_is_active(ports: Ports, caller: Caller, tenant_id: str) -> list[str]:
    """In words, what a deletion would end."""
    require(caller, Permission.TENANT_DELETE, tenant_id)
    return _inventory(ports, caller, moving.tree_of(ports, tenant_id), tenant_id)


def delete(ports: Ports, caller: Caller, tenant_id: str, *, force: bool = False, confirm: str = "") -> str:
    """Id of the job that tears it down; it belongs to the parent, or to the tenant itself when there is none.

    Raises StillActive that lists what is active, unless it is forced and confirmed by the organisation's name.
    """
    require(caller, Permission.TENANT_DELETE, tenant_id)
    for _ in range(_TRIES):
        tree = moving.tree_of(ports, tenant_id)
        tenant = find(ports, tenant_id)
        check_transition(tenant.status, TenantStatus.DEPROVISIONED)
        _check_wanted(ports, caller, tree, tenant, force=force, confirm=confirm)
        going = store.get_tenants(ports.documents, list(tree.leaf_first(tenant_id)))
        job_id = ports.clock.new_id()
        home = tenant.parent_tenant_id or tenant_id
        writes = [
            *_close(ports, caller, going, job_id),
            store.put_tree(tree.without(tenant_id) if tree.root != tenant_id else Tree(tenant_id, {}, tree.version)),
            *moving.leave_unit(ports, tenant),
            *_job(ports, caller, tree, going, job_id=job_id, home=home),
        ]
        try:
            ports.documents.transact(writes)
        except ConditionFailed:
            continue
        wake(ports, job_id, tenant_id=home)
        return job_id
    raise busy()


def _check_wanted(ports: Ports, caller: Caller, tree: Tree, tenant: Tenant, *, force: bool, confirm: str) -> None:
    if force and confirm != tenant.organisation:
        raise StillActive(f"To delete it with all that is in it, send confirm={tenant.organisation}.")
    active = _inventory(ports, caller, tree, tenant.tenant_id)
    if active and not force:
        raise StillActive(
            f"It has {', '.join(active)}. End that first, or send force=true and confirm={tenant.organisation}."
        )
    number = len(list(tree.leaf_first(tenant.tenant_id)))
    if number > MOST_AT_ONCE:
        raise StillActive(f"{number - 1} organisations are below it; at most {MOST_AT_ONCE - 1} go at once.")


def _inventory(ports: Ports, caller: Caller, tree: Tree, tenant_id: str) -> list[str]:
    below = len(list(tree.leaf_first(tenant_id))) - 1
    page = ports.documents.query_index(Index.FIRST, members.members_index(tenant_id), limit=100)
    others = sum(members.to_member(each).user_id != caller.user_id for each in page.items)
    counts = (
        (below, "organisation below it", "organisations below it"),
        (clearing.count_open(ports, tenant_id), "open job", "open jobs"),
        (others, "other member", "other members"),
    )
    return [f"{number} {one if number == 1 else many}" for number, one, many in counts if number]


def _close(ports: Ports, caller: Caller, going: Sequence[Tenant], job_id: str) -> list[Write]:
    writes: list[Write] = []
    for tenant in going:
        after = replace(
            tenant,
            status=TenantStatus.DEPROVISIONED,
            reason="deleted",
            parent_tenant_id="",
            unit_id="",
            teardown_job=job_id,
            updated_at=ports.clock.now(),
        )
        recorded = entry(
            ports.clock,
            caller,
            "tenant.delete",
            f"tenant/{tenant.tenant_id}",
            before=told(tenant),
            after={"status": after.status, "teardown_job": job_id},
            tenant_id=tenant.tenant_id,
        )
        writes += [store.put_tenant(after), recorded]
    return writes


def _job(ports: Ports, caller: Caller, tree: Tree, going: Sequence[Tenant], *, job_id: str, home: str) -> list[Write]:
    numbers = {tenant.tenant_id: number for number, tenant in enumerate(going, 1)}
    specs = [
        OrderSpec(
            name=tenant.organisation,
            commands=(),
            timeout=TEARDOWN_SECONDS,
            action=TEARDOWN,
            dependencies=tuple(numbers[child] for child in tree.children(tenant.tenant_id)),
            retries=3,
            retry_delay=10,
            settings={"tenant_id": tenant.tenant_id},
        )
        for tenant in going
    ]
    return builtin.creation(
        ports.clock,
        specs,
        job_id=job_id,
        tenant_id=home,
        username=caller.email,
        kind="teardown",
        name=f"Delete {going[-1].organisation}",
    )
