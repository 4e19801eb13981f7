"""Documents of tenants and their members."""

import hashlib
from datetime import datetime

from chalicelib.accounts.model import Caller, Lockout, Role
from chalicelib.accounts.tenants.store import tenant_key
from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, ConditionFailed, Delete, Documents, Index, Key, Put, Range, VersionIs, Write
from chalicelib.identity import User


def member_write(user: User, tenant_id: str, role: Role, joined_at: datetime) -> Write:
    body = {
        "user_id": user.user_id,
        "email": user.email,
        "tenant_id": tenant_id,
        "role": role.value,
        "joined_at": to_text(joined_at),
    }
    indexes = {Index.FIRST: Key(f"tenant#{tenant_id}#members", user.email)}
    return Put(Key(f"user#{user.user_id}", f"member#{tenant_id}"), body, [Absent()], indexes)


def find_caller(documents: Documents, user: User) -> Caller | None:
    """The user in their tenant as it is at this moment; None when they are a member of none."""
    page = documents.query(f"user#{user.user_id}", Range(prefix="member#"), limit=1)
    if not page.items:
        return None
    member = page.items[0].body
    tenant = documents.get(tenant_key(member["tenant_id"]))
    if tenant is None:
        return None
    return Caller(user.user_id, member["email"], member["tenant_id"], tenant.body["organisation"], Role(member["role"]))


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
