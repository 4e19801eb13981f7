"""Who is below whom. Each write holds the trees that it was decided on, so that two moves at once cannot undo a rule.

A tree's document says who is in it, and belongs to its root. A root is one as long as it has no parent, which every
write checks too: else a tree could be given to another between our read and our write.
"""

from dataclasses import dataclass, replace

from chalicelib.accounts import store as members
from chalicelib.accounts.model import Caller, Role, TenantStatus
from chalicelib.accounts.permissions import Permission, no_such_tenant, require
from chalicelib.accounts.tenants import store
from chalicelib.accounts.tenants.model import Tenant, WrongState
from chalicelib.accounts.tenants.tree import Tree
from chalicelib.accounts.tenants.units import Units
from chalicelib.audit.recording import entry
from chalicelib.documents import Check, Condition, ConditionFailed, FieldIs, Key, Write
from chalicelib.errors import Conflict, NotAllowed, Unprocessable
from chalicelib.wiring import Ports

_TRIES = 20
_ACTIVE = FieldIs("status", TenantStatus.ACTIVE.value)
_ROOT = FieldIs("parent_tenant_id", "")


def list_children(ports: Ports, caller: Caller, tenant_id: str) -> list[Tenant]:
    """Right below it, by name."""
    require(caller, Permission.TENANT_READ, tenant_id)
    found = store.get_tenants(ports.documents, tree_of(ports, tenant_id).children(tenant_id))
    return sorted(found, key=lambda each: store.folded(each.organisation))


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a tenant stands: those above it from the root down, those right below it, and its parent's units."""

    above: list[Tenant]
    children: list[Tenant]
    units: Units


def seat_of(ports: Ports, caller: Caller, tenant_id: str) -> Seat:
    require(caller, Permission.TENANT_READ, tenant_id)
    tree = tree_of(ports, tenant_id)
    above = list(tree.above(tenant_id))
    units = store.get_units(ports.documents, above[-1]) if above else Units()
    return Seat(store.get_tenants(ports.documents, above), list_children(ports, caller, tenant_id), units)


def tree_of(ports: Ports, tenant_id: str) -> Tree:
    """The tree that a tenant is in. Raises NotFound."""
    for _ in range(_TRIES):
        root = _find(ports, tenant_id)
        while root.parent_tenant_id:
            root = _find(ports, root.parent_tenant_id)
        tree = store.get_tree(ports.documents, root.tenant_id)
        # Else it was moved between our reads.
        if tenant_id in tree:
            return tree
    raise _busy()


def join(ports: Ports, tenant_id: str, parent_id: str) -> list[Write]:
    """What puts a new tenant under a parent. Raises NotFound; WrongState for a parent that is not active."""
    tree = tree_of(ports, parent_id)
    _check_active(_find(ports, parent_id))
    checks = _Checks()
    checks.add(store.tenant_key(tree.root), _ROOT)
    checks.add(store.tenant_key(parent_id), _ACTIVE)
    return [store.put_tree(tree.grown(Tree(tenant_id), parent_id)), *checks.writes()]


def move(ports: Ports, caller: Caller, tenant_id: str, parent_id: str) -> Tenant:
    """Under another parent with all that is below it; with an empty one, out of its tree.

    Its place among the old parent's units is lost.
    """
    require(caller, Permission.TENANT_WRITE, tenant_id)
    for _ in range(_TRIES):
        before = _find(ports, tenant_id)
        if before.parent_tenant_id == parent_id:
            return before
        _check_allowed(ports, caller, parent_id)
        after = replace(before, parent_tenant_id=parent_id, unit_id="", updated_at=ports.clock.now())
        writes = [
            *_moved(ports, before, parent_id),
            *leave_unit(ports, before),
            store.put_tenant(after),
            entry(
                ports.clock,
                caller,
                "tenant.move",
                f"tenant/{tenant_id}",
                before={"parent_tenant_id": before.parent_tenant_id, "unit_id": before.unit_id},
                after={"parent_tenant_id": parent_id, "unit_id": ""},
            ),
        ]
        try:
            ports.documents.transact(writes)
        except ConditionFailed:
            continue
        return replace(after, version=before.version + 1)
    raise _busy()


def _check_allowed(ports: Ports, caller: Caller, parent_id: str) -> None:
    """Whoever moves it must be an admin of the new parent too."""
    if caller.platform_admin:
        return
    if not parent_id:
        raise NotAllowed("Only those who run the platform can take an organisation out of its tree.")
    member = members.get_member(ports.documents, caller.user_id, parent_id)
    if member is None:
        raise no_such_tenant(parent_id)
    if member.role is not Role.ADMIN:
        raise NotAllowed("You must be an admin of the organisation under which it is to be.")


def _moved(ports: Ports, tenant: Tenant, parent_id: str) -> list[Write]:
    old = tree_of(ports, tenant.tenant_id)
    branch = old.branch(tenant.tenant_id)
    checks = _Checks(tenant.tenant_id)
    checks.add(store.tenant_key(old.root), _ROOT)
    if not parent_id:
        return [store.put_tree(old.without(tenant.tenant_id)), store.put_tree(branch), *checks.writes()]
    new = tree_of(ports, parent_id)
    _check_active(_find(ports, parent_id))
    checks.add(store.tenant_key(new.root), _ROOT)
    checks.add(store.tenant_key(parent_id), _ACTIVE)
    if new.root == old.root:
        # Somebody may have moved one below the other since the first look: only the last one tells of circles.
        if tenant.tenant_id not in new:
            raise _busy()
        return [store.put_tree(new.grown(new.branch(tenant.tenant_id), parent_id)), *checks.writes()]
    grown = new.grown(branch, parent_id)
    left = Tree(old.root, {}, old.version) if tenant.tenant_id == old.root else old.without(tenant.tenant_id)
    return [store.put_tree(left), store.put_tree(grown), *checks.writes()]


def place(ports: Ports, caller: Caller, tenant_id: str, unit_id: str) -> Tenant:
    """In a division, group or team of its parent; with an empty one, in none."""
    require(caller, Permission.TENANT_WRITE, tenant_id)
    for _ in range(_TRIES):
        before = _find(ports, tenant_id)
        if not before.parent_tenant_id:
            raise Unprocessable("The organisation has no parent in whose units it could be placed.")
        _check_allowed(ports, caller, before.parent_tenant_id)
        units = store.get_units(ports.documents, before.parent_tenant_id)
        placed = units.with_tenant(tenant_id, unit_id) if unit_id else units.without_tenant(tenant_id)
        after = replace(before, unit_id=unit_id, updated_at=ports.clock.now())
        told = entry(
            ports.clock,
            caller,
            "tenant.place",
            f"tenant/{tenant_id}",
            before={"unit_id": before.unit_id},
            after={"unit_id": unit_id},
        )
        try:
            ports.documents.transact([store.put_units(before.parent_tenant_id, placed), store.put_tenant(after), told])
        except ConditionFailed:
            continue
        return replace(after, version=before.version + 1)
    raise _busy()


def leave_unit(ports: Ports, tenant: Tenant) -> list[Write]:
    """What takes a tenant out of the unit that it is placed in."""
    if not tenant.unit_id:
        return []
    units = store.get_units(ports.documents, tenant.parent_tenant_id)
    return [store.put_units(tenant.parent_tenant_id, units.without_tenant(tenant.tenant_id))]


class _Checks:
    """One check for each tenant, of all that is asked of it. One that is written anyway is held by its version."""

    def __init__(self, *written: str) -> None:
        self._written = {store.tenant_key(each) for each in written}
        self._conditions: dict[Key, list[Condition]] = {}

    def add(self, key: Key, condition: Condition) -> None:
        if key not in self._written:
            self._conditions.setdefault(key, []).append(condition)

    def writes(self) -> list[Write]:
        return [Check(key, conditions) for key, conditions in self._conditions.items()]


def _check_active(parent: Tenant) -> None:
    if parent.status.asleep:
        raise WrongState(f"The organisation {parent.organisation} is {parent.status}; nothing can be put under it.")


def _find(ports: Ports, tenant_id: str) -> Tenant:
    found = store.get_tenant(ports.documents, tenant_id)
    if found is None:
        raise no_such_tenant(tenant_id)
    return found


def _busy() -> Conflict:
    return Conflict("The tree of organisations is changing too fast just now; try again.")
