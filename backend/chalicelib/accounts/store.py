"""Documents of users and of who is a member where. `user#<id>` holds all that is one user's."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from chalicelib.accounts.model import Lockout, Member, Role, Standing, TenantStatus
from chalicelib.accounts.tenants.store import tenant_key
from chalicelib.clock import from_text, to_text
from chalicelib.documents import (
    Absent,
    Condition,
    ConditionFailed,
    Delete,
    Document,
    Documents,
    FieldIs,
    Index,
    Key,
    Put,
    Range,
    VersionIs,
    Write,
)


def put_member(member: Member, *conditions: Condition) -> Put:
    body = asdict(member) | {"role": member.role.value, "joined_at": to_text(member.joined_at)}
    indexes = {
        Index.FIRST: Key(members_index(member.tenant_id), member.email),
        Index.SECOND: Key(members_index(member.tenant_id, member.role), member.email),
    }
    return Put(member_key(member.user_id, member.tenant_id), body, conditions, indexes)


def founding(tenant_id: str, admin: Member | None) -> list[Write]:
    """The first admin of a new tenant; a platform may make one that has nobody yet."""
    roster = {"admins": 1 if admin else 0, "members": 1 if admin else 0, "batch": None}
    counted = Put(roster_key(tenant_id), roster, [Absent()])
    return [counted, put_member(admin, Absent())] if admin else [counted]


def unchanged(role: Role | None) -> tuple[Condition, ...]:
    """Holds while a member has this role; None: while there is no member."""
    return (FieldIs("role", role.value),) if role else (Absent(),)


def to_member(document: Document) -> Member:
    body = document.body
    return Member(body["user_id"], body["email"], body["tenant_id"], Role(body["role"]), from_text(body["joined_at"]))


def get_member(documents: Documents, user_id: str, tenant_id: str) -> Member | None:
    found = documents.get(member_key(user_id, tenant_id))
    return to_member(found) if found else None


def members_index(tenant_id: str, role: Role | None = None) -> str:
    return f"tenant#{tenant_id}#members#{role}" if role else f"tenant#{tenant_id}#members"


def memberships(documents: Documents, user_id: str) -> Iterator[Member]:
    """All of a user, that of the oldest tenant first."""
    cursor = None
    while True:
        page = documents.query(_user(user_id), Range(prefix="member#"), cursor=cursor)
        yield from map(to_member, page.items)
        cursor = page.cursor
        if cursor is None:
            return


def standings(documents: Documents, user_id: str, tenant_ids: Iterable[str]) -> list[Standing]:
    """The user's in those of the tenants that are there."""
    return to_standings(documents.get_many(standing_keys(user_id, tenant_ids)))


def standing_keys(user_id: str, tenant_ids: Iterable[str]) -> list[Key]:
    """Of all that `to_standings` reads."""
    keys = [_platform_key(user_id)]
    for each in tenant_ids:
        keys += [tenant_key(each), member_key(user_id, each)]
    return keys


def to_standings(documents: Sequence[Document | None]) -> list[Standing]:
    platform, *found = documents
    return [
        Standing(
            tenant.body["tenant_id"],
            tenant.body["organisation"],
            TenantStatus(tenant.body["status"]),
            to_member(member) if member else None,
            platform_admin=platform is not None,
            request_rate=tenant.body["limits"]["request_rate"],
            storage_limit=tenant.body["limits"]["storage"],
        )
        for tenant, member in zip(found[::2], found[1::2], strict=True)
        if tenant
    ]


def member_key(user_id: str, tenant_id: str) -> Key:
    return Key(_user(user_id), f"member#{tenant_id}")


def roster_key(tenant_id: str) -> Key:
    """How many members and admins a tenant has: what keeps the last admin in it."""
    return Key(f"tenant#{tenant_id}", "members")


def put_platform_admin(user_id: str) -> Put:
    return Put(_platform_key(user_id), {})


def delete_platform_admin(user_id: str) -> Delete:
    return Delete(_platform_key(user_id))


def is_platform_admin(documents: Documents, user_id: str) -> bool:
    return documents.get(_platform_key(user_id)) is not None


def put_verified(user_id: str, at: datetime) -> Put:
    return Put(_verified_key(user_id), {"at": to_text(at)})


def is_verified(documents: Documents, user_id: str) -> bool:
    return documents.get(_verified_key(user_id)) is not None


def _user(user_id: str) -> str:
    return f"user#{user_id}"


def _platform_key(user_id: str) -> Key:
    return Key(_user(user_id), "platform")


def _verified_key(user_id: str) -> Key:
    return Key(_user(user_id), "verified")


def get_lockout(documents: Documents, email: str, address: str) -> Lockout:
    found = documents.get(_lockout_key(email, address))
    if found is None:
        return Lockout()
    until = found.body["until"]
    return Lockout(found.body["failures"], from_text(until) if until else None, found.version)


def put_lockout(documents: Documents, email: str, address: str, lockout: Lockout, *, expires: datetime) -> bool:
    """False when another failure was counted meanwhile."""
    body = {"failures": lockout.failures, "until": to_text(lockout.until) if lockout.until else None}
    condition = VersionIs(lockout.version) if lockout.version else Absent()
    try:
        documents.transact([Put(_lockout_key(email, address), body, [condition], expires=expires)])
    except ConditionFailed:
        return False
    return True


def delete_lockout(documents: Documents, email: str, address: str) -> None:
    documents.transact([Delete(_lockout_key(email, address))])


def _lockout_key(email: str, address: str) -> Key:
    return Key(f"lockout#{hashlib.sha256(f'{email} {address}'.encode()).hexdigest()}", "state")
