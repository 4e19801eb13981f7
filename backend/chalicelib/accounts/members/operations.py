"""Who belongs to a tenant, and as what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from chalicelib.accounts import store
from chalicelib.accounts.members import roster
from chalicelib.accounts.members.roster import Change
from chalicelib.accounts.model import Caller, Member, Role
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Index, Put
from chalicelib.errors import Conflict, Fault, MillraceError, NotFound, Unprocessable
from chalicelib.wiring import Ports

MOST_ITEMS = 100


class AlreadyMember(Conflict):
    type = "already-member"
    title = "They are a member already"


class NoAccount(Unprocessable):
    type = "no-account"
    title = "There is no account with this address"


class BatchRefused(Unprocessable):
    """Nothing of it was done; `faults` tells why, by item."""

    type = "batch-refused"
    title = "The batch was not carried out"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("Nothing was changed: some of the items cannot be carried out.")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class MemberPage:
    items: Sequence[Member]
    cursor: str | None


class Action(StrEnum):
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One of many. New members are named by `email`, present ones by `user_id` or `email`."""

    action: Action
    email: str = ""
    user_id: str = ""
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class Result:
    """`error` is why it was not done."""

    item: Item
    member: Member | None
    error: MillraceError | None


def list_members(
    ports: Ports,
    caller: Caller,
    tenant_id: str,
    *,
    role: Role | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> MemberPage:
    """By address."""
    require(caller, Permission.MEMBERS_READ, tenant_id)
    roster.read(ports, tenant_id)
    index = Index.SECOND if role else Index.FIRST
    page = ports.documents.query_index(index, store.members_index(tenant_id, role), limit=limit, cursor=cursor)
    return MemberPage([store.to_member(each) for each in page.items], page.cursor)


def get(ports: Ports, caller: Caller, tenant_id: str, user_id: str) -> Member:
    require(caller, Permission.MEMBERS_READ, tenant_id)
    return _find(ports, tenant_id, user_id)


def add(ports: Ports, caller: Caller, tenant_id: str, *, email: str, role: Role) -> Member:
    """Somebody who has an account. Raises NoAccount, AlreadyMember."""
    require(caller, Permission.MEMBERS_WRITE, tenant_id)
    return _commit(ports, caller, tenant_id, lambda: _adding(ports, tenant_id, email, role))


def change_role(ports: Ports, caller: Caller, tenant_id: str, user_id: str, role: Role) -> Member:
    """Raises NotFound, LastAdmin."""
    require(caller, Permission.MEMBERS_WRITE, tenant_id)
    return _commit(ports, caller, tenant_id, lambda: _changing(ports, tenant_id, user_id, role))


def remove(ports: Ports, caller: Caller, tenant_id: str, user_id: str) -> Member:
    """Their access ends with the next request. Raises NotFound, LastAdmin."""
    require(caller, Permission.MEMBERS_WRITE, tenant_id)
    return _commit(ports, caller, tenant_id, lambda: _removing(ports, tenant_id, user_id))


def bulk(ports: Ports, caller: Caller, tenant_id: str, items: Sequence[Item]) -> list[Result]:
    """Each item by itself; one that cannot be done stops none of the others."""
    require(caller, Permission.MEMBERS_WRITE, tenant_id)
    return [_try(ports, caller, tenant_id, each) for each in items]


def bulk_atomic(ports: Ports, caller: Caller, tenant_id: str, items: Sequence[Item]) -> list[Result]:
    """All or none. Raises BatchRefused with the faults of all items, LastAdmin."""
    require(caller, Permission.MEMBERS_WRITE, tenant_id)
    for _ in range(roster.TRIES):
        counted = roster.read(ports, tenant_id)
        changes = _plan_all(ports, tenant_id, items)
        roster.check(counted, changes)
        after = {each.member.email: each.after and each.after.value for each in changes}
        told = entry(ports.clock, caller, "member.bulk", f"tenant/{tenant_id}", after=after, tenant_id=tenant_id)
        try:
            roster.decide(ports, tenant_id, counted, changes, told)
        except ConditionFailed:
            continue
        return [Result(item, each.member, None) for item, each in zip(items, changes, strict=True)]
    raise roster.busy()


def _try(ports: Ports, caller: Caller, tenant_id: str, item: Item) -> Result:
    try:
        member = _commit(ports, caller, tenant_id, lambda: _planned(ports, tenant_id, item))
    except MillraceError as error:
        return Result(item, None, error)
    return Result(item, member, None)


def _plan_all(ports: Ports, tenant_id: str, items: Sequence[Item]) -> list[Change]:
    changes: list[Change] = []
    faults: list[Fault] = []
    for index, item in enumerate(items):
        try:
            change = _planned(ports, tenant_id, item)
        except MillraceError as error:
            faults.append(Fault(f"items[{index}]", error.detail))
            continue
        if any(change.member.user_id == other.member.user_id for other in changes):
            faults.append(Fault(f"items[{index}]", f"{change.member.email} is in the batch twice."))
        changes.append(change)
    if faults:
        raise BatchRefused(faults)
    return changes


def _planned(ports: Ports, tenant_id: str, item: Item) -> Change:
    if item.action is Action.ADD:
        return _adding(ports, tenant_id, item.email, item.role)
    user_id = item.user_id or _user_id_of(ports, item.email)
    if item.action is Action.CHANGE:
        return _changing(ports, tenant_id, user_id, item.role)
    return _removing(ports, tenant_id, user_id)


def _commit(ports: Ports, caller: Caller, tenant_id: str, plan: Callable[[], Change]) -> Member:
    for _ in range(roster.TRIES):
        counted = roster.read(ports, tenant_id)
        change = plan()
        roster.check(counted, [change])
        try:
            ports.documents.transact([*roster.writes(change), told(ports, caller, change)])
        except ConditionFailed:
            continue
        return change.member
    raise roster.busy()


def joining(ports: Ports, tenant_id: str, user_id: str, email: str, role: Role) -> Change:
    """Raises AlreadyMember."""
    if store.get_member(ports.documents, user_id, tenant_id):
        raise AlreadyMember(f"{email} is a member already.")
    return Change(Member(user_id, email, tenant_id, role, ports.clock.now()), None, role)


def told(ports: Ports, caller: Caller, change: Change) -> Put:
    """The audit entry of a change."""
    action = "add" if change.before is None else "remove" if change.after is None else "change"
    before = {"email": change.member.email, "role": change.before.value} if change.before else None
    after = {"email": change.member.email, "role": change.after.value} if change.after else None
    return entry(
        ports.clock,
        caller,
        f"member.{action}",
        f"member/{change.member.user_id}",
        before=before,
        after=after,
        tenant_id=change.member.tenant_id,
    )


def _adding(ports: Ports, tenant_id: str, email: str, role: Role) -> Change:
    user = ports.identity.find_user(email)
    if user is None:
        raise NoAccount(f"There is no account with the address {email[:300]}; invite them instead.")
    return joining(ports, tenant_id, user.user_id, user.email, role)


def _changing(ports: Ports, tenant_id: str, user_id: str, role: Role) -> Change:
    member = _find(ports, tenant_id, user_id)
    return Change(replace(member, role=role), member.role, role)


def _removing(ports: Ports, tenant_id: str, user_id: str) -> Change:
    member = _find(ports, tenant_id, user_id)
    return Change(member, member.role, None)


def _find(ports: Ports, tenant_id: str, user_id: str) -> Member:
    found = store.get_member(ports.documents, user_id, tenant_id) if user_id.isalnum() else None
    if found is None:
        raise NotFound(f"There is no member {user_id[:100]}.")
    return found


def _user_id_of(ports: Ports, email: str) -> str:
    user = ports.identity.find_user(email)
    if user is None:
        raise NotFound(f"There is no member {email[:300]}.")
    return user.user_id
