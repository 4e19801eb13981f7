"""How many members and admins a tenant has, and changes of many members at once.

Every change of who is a member counts here, in its own transaction, so that of two removals of the last two admins one
fails. Changes that go together are first written here as a batch, which is the moment they are decided; then they are
applied. Whoever comes next finishes a batch that a crash left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from chalicelib.accounts import store
from chalicelib.accounts.model import Member, Role
from chalicelib.accounts.permissions import no_such_tenant
from chalicelib.clock import from_text, to_text
from chalicelib.documents import (
    Check,
    Condition,
    ConditionFailed,
    Delete,
    FieldAtLeast,
    FieldIs,
    Update,
    VersionIs,
    Write,
)
from chalicelib.errors import Conflict, Unprocessable
from chalicelib.wiring import Ports

TRIES = 60
"""Each time one fails, somebody else's change was done."""
_CHUNK = 90


class LastAdmin(Unprocessable):
    type = "last-admin"
    title = "An organisation keeps an admin"

    def __init__(self) -> None:
        super().__init__("This would leave the organisation without an admin; make somebody else one first.")


@dataclass(frozen=True, slots=True)
class Change:
    """`member` is as they will be, or were; `before` and `after` are None where they were or will be none."""

    member: Member
    before: Role | None
    after: Role | None

    @property
    def admins(self) -> int:
        return (self.after is Role.ADMIN) - (self.before is Role.ADMIN)

    @property
    def members(self) -> int:
        return (self.after is not None) - (self.before is not None)


@dataclass(frozen=True, slots=True)
class Roster:
    admins: int
    members: int
    version: int


def read(ports: Ports, tenant_id: str) -> Roster:
    """As it is once what was decided is done."""
    for _ in range(TRIES):
        found = ports.documents.get(store.roster_key(tenant_id))
        if found is None:
            raise no_such_tenant(tenant_id)
        if found.body["batch"] is None:
            return Roster(found.body["admins"], found.body["members"], found.version)
        _finish(ports, tenant_id, found.body["batch"], found.body["changes"])
    raise busy()


def writes(change: Change) -> list[Write]:
    """One change: fails when the member is not as it was, or is the last admin."""
    bounds: list[Condition] = [FieldIs("batch", None)]
    if change.admins < 0:
        bounds.append(FieldAtLeast("admins", 2))
    counts = {"admins": change.admins, "members": change.members}
    counted = Update(store.roster_key(change.member.tenant_id), add=counts, conditions=bounds)
    return [counted, _write(change, guarded=True)]


def check(roster: Roster, changes: Sequence[Change]) -> None:
    """Raises LastAdmin."""
    taken = sum(each.admins for each in changes)
    if taken < 0 and roster.admins + taken < 1:
        raise LastAdmin


def decide(ports: Ports, tenant_id: str, roster: Roster, changes: Sequence[Change], *along: Write) -> None:
    """All of the changes. Raises ConditionFailed when the roster is another by now."""
    batch = ports.clock.new_id()
    decided = Update(
        store.roster_key(tenant_id),
        set={"batch": batch, "changes": [_to_body(each) for each in changes]},
        add={"admins": sum(each.admins for each in changes), "members": sum(each.members for each in changes)},
        conditions=[VersionIs(roster.version)],
    )
    ports.documents.transact([decided, *along])
    read(ports, tenant_id)


def _finish(ports: Ports, tenant_id: str, batch: str, bodies: Sequence[Mapping[str, Any]]) -> None:
    mine: list[Condition] = [FieldIs("batch", batch)]
    changes = [_to_change(each) for each in bodies]
    try:
        for first in range(0, len(changes), _CHUNK):
            part = [_write(each, guarded=False) for each in changes[first : first + _CHUNK]]
            ports.documents.transact([Check(store.roster_key(tenant_id), mine), *part])
        done = Update(store.roster_key(tenant_id), set={"batch": None, "changes": []}, conditions=mine)
        ports.documents.transact([done])
    except ConditionFailed:
        # Somebody else finished it.
        return


def _write(change: Change, *, guarded: bool) -> Write:
    as_it_was = store.unchanged(change.before) if guarded else ()
    if change.after is None:
        return Delete(store.member_key(change.member.user_id, change.member.tenant_id), as_it_was)
    return store.put_member(replace(change.member, role=change.after), *as_it_was)


def _to_body(change: Change) -> Mapping[str, Any]:
    member = asdict(change.member) | {"joined_at": to_text(change.member.joined_at)}
    return {"member": member, "before": change.before, "after": change.after}


def _to_change(body: Mapping[str, Any]) -> Change:
    member = body["member"]
    whole = {**member, "role": Role(member["role"]), "joined_at": from_text(member["joined_at"])}
    return Change(Member(**whole), body["before"] and Role(body["before"]), body["after"] and Role(body["after"]))


def busy() -> Conflict:
    return Conflict("The members are changing too fast just now; try again.")
