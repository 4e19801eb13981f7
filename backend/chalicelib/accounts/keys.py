"""API keys: `mr_<id>_<secret>`, for programs that act for a user in one tenant.

Only the hash of a key is kept. A key has a role, or some of its permissions, and never more than its user has by now.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from chalicelib.accounts import admission
from chalicelib.accounts.model import Caller, Origin, Role
from chalicelib.accounts.permissions import CATALOGUE, Permission, no_such_tenant, require
from chalicelib.audit.recording import entry
from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, ConditionFailed, Delete, Document, Exists, Index, Key, Put, Update
from chalicelib.errors import Fault, Invalid, NotAllowed, NotFound, NotSignedIn
from chalicelib.identity import User
from chalicelib.wiring import Ports

PREFIX = "mr_"
LASTS_DAYS = 90
LONGEST_DAYS = 3650
LONGEST_NAME = 100
NOTED_EVERY = timedelta(minutes=1)
SHOWN_AFTER = timedelta(days=30)
"""An expired key is listed so long, so that whoever wonders why it does not work finds it."""
RANKS = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`permissions` narrow the role; None is all that the role has."""

    key_id: str
    name: str
    user_id: str
    email: str
    tenant_id: str
    role: Role
    permissions: frozenset[Permission] | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


def is_key(token: str) -> bool:
    return token.startswith(PREFIX)


def create(
    ports: Ports,
    caller: Caller,
    *,
    name: str,
    role: Role,
    permissions: Sequence[Permission] | None = None,
    days: int = LASTS_DAYS,
) -> tuple[ApiKey, str]:
    """The key and its text, which nobody can read again."""
    require(caller, Permission.KEYS_WRITE)
    name = name.strip()
    if faults := _faults(name, role, permissions, days):
        raise Invalid("The API key has faults.", faults)
    if RANKS[role] > RANKS[caller.role]:
        raise NotAllowed(f"You are {caller.role} here; a key of yours cannot be more.")
    now = ports.clock.now()
    key = ApiKey(
        key_id=ports.clock.new_id(),
        name=name,
        user_id=caller.user_id,
        email=caller.email,
        tenant_id=caller.tenant_id,
        role=role,
        permissions=None if permissions is None else frozenset(permissions),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    text = f"{PREFIX}{key.key_id}_{secrets.token_urlsafe(32)}"
    told = entry(ports.clock, caller, "key.create", f"key/{key.key_id}", after={"name": name, "role": role.value})
    ports.documents.transact([_put(key, text), told])
    return key, text


def _faults(name: str, role: Role, permissions: Sequence[Permission] | None, days: int) -> list[Fault]:
    faults = []
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        faults.append(Fault("name", f"must have 1 to {LONGEST_NAME} characters"))
    if not 1 <= days <= LONGEST_DAYS:
        faults.append(Fault("days", f"must be 1 to {LONGEST_DAYS}"))
    for index, each in enumerate(permissions or ()):
        if role not in CATALOGUE[each].roles or not CATALOGUE[each].by_key:
            faults.append(Fault(f"permissions[{index}]", f"is not one that a key with the role {role} can have"))
    return faults


def list_keys(ports: Ports, caller: Caller) -> list[ApiKey]:
    """One's own in this tenant, the newest first."""
    require(caller, Permission.KEYS_READ)
    found: list[ApiKey] = []
    cursor = None
    while True:
        partition = _index(caller.user_id, caller.tenant_id)
        page = ports.documents.query_index(Index.FIRST, partition, cursor=cursor, descending=True)
        found += [_to_key(each) for each in page.items]
        cursor = page.cursor
        if cursor is None:
            return found


def revoke(ports: Ports, caller: Caller, key_id: str) -> None:
    """It does not work any more from now on."""
    require(caller, Permission.ACCOUNT_WRITE)
    found = ports.documents.get(_key(key_id))
    if found is None or (found.body["user_id"], found.body["tenant_id"]) != (caller.user_id, caller.tenant_id):
        raise NotFound(f"You have no API key {key_id[:100]}.")
    told = entry(ports.clock, caller, "key.revoke", f"key/{key_id}", before={"name": found.body["name"]})
    ports.documents.transact([Delete(found.key), told])


def use(ports: Ports, text: str, tenant_id: str, origin: Origin) -> Caller:
    """Who may act with this key, and as what. Raises NotSignedIn; NotFound in another tenant than the key's."""
    key = _noted(ports, _find(ports, text))
    user = User(key.user_id, key.email)
    if tenant_id and tenant_id != key.tenant_id:
        raise no_such_tenant(tenant_id)
    place = admission.standing(ports, user, key.tenant_id)
    if place is None or place.member is None or place.member.joined_at > key.created_at:
        raise NotSignedIn("The member whose API key this is has left the organisation.")
    caller = admission.caller_in(place, user, origin=origin)
    role = min(key.role, caller.role, key=RANKS.__getitem__)
    scope = None if key.permissions is None else frozenset(map(str, key.permissions))
    return replace(caller, role=role, platform_admin=False, key_id=key.key_id, scope=scope)


def _find(ports: Ports, text: str) -> Document:
    key_id = text.removeprefix(PREFIX).partition("_")[0]
    found = ports.documents.get(_key(key_id)) if key_id.isalnum() else None
    if found is None or not hmac.compare_digest(found.body["hash"], _digest(text)):
        raise NotSignedIn("This API key is unknown or was revoked.")
    return found


def _noted(ports: Ports, found: Document) -> ApiKey:
    key = _to_key(found)
    now = ports.clock.now()
    if key.expires_at <= now:
        raise NotSignedIn(f"The API key `{key.name}` has expired; make a new one.")
    if key.used_at and now - key.used_at < NOTED_EVERY:
        return key
    try:
        ports.documents.transact([Update(found.key, set={"used_at": to_text(now)}, conditions=[Exists()])])
    except ConditionFailed:
        raise NotSignedIn("This API key is unknown or was revoked.") from None
    return key


def _put(key: ApiKey, text: str) -> Put:
    body = asdict(key) | {
        "role": key.role.value,
        "permissions": None if key.permissions is None else sorted(key.permissions),
        "created_at": to_text(key.created_at),
        "expires_at": to_text(key.expires_at),
        "hash": _digest(text),
    }
    indexes = {Index.FIRST: Key(_index(key.user_id, key.tenant_id), key.key_id)}
    return Put(_key(key.key_id), body, [Absent()], indexes, expires=key.expires_at + SHOWN_AFTER)


def _to_key(document: Document) -> ApiKey:
    body = {name: value for name, value in document.body.items() if name != "hash"}
    permissions, used_at = body["permissions"], body["used_at"]
    body |= {
        "role": Role(body["role"]),
        "permissions": None if permissions is None else frozenset(map(Permission, permissions)),
        "created_at": from_text(body["created_at"]),
        "expires_at": from_text(body["expires_at"]),
        "used_at": from_text(used_at) if used_at else None,
    }
    return ApiKey(**body)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key(key_id: str) -> Key:
    return Key(f"apikey#{key_id[:100]}", "key")


def _index(user_id: str, tenant_id: str) -> str:
    return f"user#{user_id}#keys#{tenant_id}"
