"""Making, finding and changing tenants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from chalicelib.accounts import store as members
from chalicelib.accounts.model import Caller, Member, Role, TenantStatus
from chalicelib.accounts.permissions import Permission, no_such_tenant, require
from chalicelib.accounts.rules import EMAIL_RULE, ORGANISATION_RULE, is_email, is_organisation
from chalicelib.accounts.tenants import moving, store
from chalicelib.accounts.tenants.model import Environment, Limits, OrganisationTaken, Tenant, told
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Index, Range, Write
from chalicelib.errors import Conflict, Fault, Invalid, NotAllowed
from chalicelib.jobs.wakeups import wake_all
from chalicelib.wiring import Ports

MOST_METADATA = 10_000
"""Bytes of JSON."""
MOST_EXAMINED = 1000
TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """What is asked of a new tenant. An empty `parent_tenant_id` makes it a tenant of its own."""

    organisation: str
    contact_email: str = ""
    environment: Environment = Environment.PROD
    metadata: Mapping[str, Any] | None = None
    parent_tenant_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFilters:
    """`name` is the beginning of the organisation's name, whatever its case."""

    status: TenantStatus | None = None
    environment: Environment | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class TenantPage:
    items: Sequence[Tenant]
    cursor: str | None


def create(ports: Ports, caller: Caller, new: NewTenant, *, tenant_id: str | None = None) -> Tenant:
    """A tenant whose first admin is the caller; one that a platform admin makes has no members yet.

    With the `tenant_id` of an earlier attempt, that one's tenant.
    """
    require(caller, Permission.TENANTS_CREATE)
    organisation = new.organisation.strip()
    _check(organisation=organisation, contact_email=new.contact_email, metadata=new.metadata)
    if not caller.platform_admin and new.parent_tenant_id != caller.tenant_id:
        raise NotAllowed("You can make organisations below your own: name it as parent_tenant_id.")
    tenant = Tenant(
        tenant_id=tenant_id or ports.clock.new_id(),
        organisation=organisation,
        created_at=ports.clock.now(),
        contact_email=new.contact_email,
        environment=new.environment,
        metadata=merged({}, new.metadata or {}),
        parent_tenant_id=new.parent_tenant_id,
    )
    return _create(ports, caller, tenant)


def _create(ports: Ports, caller: Caller, tenant: Tenant) -> Tenant:
    recorded = entry(
        ports.clock, caller, "tenant.create", resource(tenant), after=told(tenant), tenant_id=tenant.tenant_id
    )
    for _ in range(TRIES):
        writes = [*store.creation(tenant), *_first_admin(ports, caller, tenant), recorded]
        if tenant.parent_tenant_id:
            writes += moving.join(ports, tenant.tenant_id, tenant.parent_tenant_id)
        try:
            ports.documents.transact(writes)
        except ConditionFailed:
            if made := store.get_tenant(ports.documents, tenant.tenant_id):
                return made
            if store.name_is_taken(ports.documents, tenant.organisation):
                raise OrganisationTaken(tenant.organisation) from None
            continue
        return replace(tenant, version=1)
    raise busy()


def _first_admin(ports: Ports, caller: Caller, tenant: Tenant) -> list[Write]:
    admin = Member(caller.user_id, caller.email, tenant.tenant_id, Role.ADMIN, ports.clock.now())
    return members.founding(tenant.tenant_id, None if caller.platform_admin else admin)


def get(ports: Ports, caller: Caller, tenant_id: str) -> Tenant:
    require(caller, Permission.TENANT_READ, tenant_id)
    return find(ports, tenant_id)


def find(ports: Ports, tenant_id: str) -> Tenant:
    """For operations that have checked the caller. Raises NotFound."""
    found = store.get_tenant(ports.documents, tenant_id)
    if found is None:
        raise no_such_tenant(tenant_id)
    return found


def list_all(
    ports: Ports, caller: Caller, filters: TenantFilters, *, limit: int = 50, cursor: str | None = None
) -> TenantPage:
    """All tenants of the platform, by name."""
    require(caller, Permission.TENANTS_READ)
    index, partition = Index.FIRST, store.ALL_TENANTS
    if filters.status:
        index, partition = Index.SECOND, store.status_index(filters.status)
    elif filters.environment:
        index, partition = Index.THIRD, store.environment_index(filters.environment)
    within = Range(prefix=store.folded(filters.name))
    picky = bool(filters.status and filters.environment)
    found: list[Tenant] = []
    examined = 0
    while True:
        page = ports.documents.query_index(index, partition, within, limit=limit - len(found), cursor=cursor)
        examined += len(page.items)
        tenants = map(store.to_tenant, page.items)
        found += [each for each in tenants if not picky or each.environment is filters.environment]
        cursor = page.cursor
        if cursor is None or not picky or len(found) >= limit or examined >= MOST_EXAMINED:
            return TenantPage(found, cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChanges:
    """What is to differ; None leaves it. `metadata` is merged: a null removes a name (RFC 7396)."""

    organisation: str | None = None
    contact_email: str | None = None
    environment: Environment | None = None
    metadata: Mapping[str, Any] | None = None


def unchecked(_: Tenant) -> None:
    """Whatever it is now, it may be changed."""


def update(
    ports: Ports,
    caller: Caller,
    tenant_id: str,
    changes: TenantChanges,
    *,
    check: Callable[[Tenant], None] = unchecked,
) -> Tenant:
    """`check` may refuse what the tenant is by now; what it let pass is what is replaced."""
    require(caller, Permission.TENANT_WRITE, tenant_id)

    def changed(before: Tenant) -> Tenant:
        check(before)
        after = replace(
            before,
            organisation=before.organisation if changes.organisation is None else changes.organisation.strip(),
            contact_email=before.contact_email if changes.contact_email is None else changes.contact_email,
            environment=changes.environment or before.environment,
            metadata=before.metadata if changes.metadata is None else merged(before.metadata, changes.metadata),
        )
        _check(organisation=after.organisation, contact_email=after.contact_email, metadata=after.metadata)
        return after

    return change(ports, caller, tenant_id, "tenant.update", changed)


def set_limits(ports: Ports, caller: Caller, tenant_id: str, changed: Callable[[Limits], Limits]) -> Tenant:
    require(caller, Permission.LIMITS_WRITE, tenant_id)

    def limited(before: Tenant) -> Tenant:
        return replace(before, limits=changed(before.limits))

    after = change(ports, caller, tenant_id, "tenant.limits", limited)
    wake_all(ports, tenant_id)
    return after


def change(
    ports: Ports, caller: Caller, tenant_id: str, action: str, changed: Callable[[Tenant], Tenant], *more: Write
) -> Tenant:
    """The tenant after `changed`, which may refuse; written if nobody wrote it meanwhile, else tried again."""
    for _ in range(TRIES):
        before = find(ports, tenant_id)
        after = replace(changed(before), updated_at=ports.clock.now())
        writes = [store.put_tenant(after), *_rename(before, after), *more]
        was, is_ = differences(before, after)
        writes.append(entry(ports.clock, caller, action, resource(after), before=was, after=is_))
        try:
            ports.documents.transact(writes)
        except ConditionFailed as error:
            if _renamed(before, after) and store.organisation_key(after.organisation) in error.keys:
                raise OrganisationTaken(after.organisation) from None
            continue
        return replace(after, version=before.version + 1)
    raise busy()


def _renamed(before: Tenant, after: Tenant) -> bool:
    return store.organisation_key(before.organisation) != store.organisation_key(after.organisation)


def _rename(before: Tenant, after: Tenant) -> list[Write]:
    return [store.delete_name(before), store.put_name(after)] if _renamed(before, after) else []


def differences(before: Tenant, after: Tenant) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The fields that differ, as they were and as they are."""
    was, is_ = told(before), told(after)
    names = [name for name in is_ if was[name] != is_[name]]
    return {name: was[name] for name in names}, {name: is_[name] for name in names}


def resource(tenant: Tenant) -> str:
    return f"tenant/{tenant.tenant_id}"


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7396)."""
    after = dict(before)
    for name, value in changes.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, Mapping):
            inner = after.get(name)
            after[name] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            after[name] = value
    return after


def busy() -> Conflict:
    return Conflict("The organisation is changing too fast just now; try again.")


def _check(*, organisation: str, contact_email: str, metadata: Mapping[str, Any] | None) -> None:
    faults = []
    if not is_organisation(organisation):
        faults.append(Fault("organisation_name", ORGANISATION_RULE))
    if contact_email and not is_email(contact_email):
        faults.append(Fault("contact_email", EMAIL_RULE))
    if metadata and len(orjson.dumps(metadata)) > MOST_METADATA:
        faults.append(Fault("metadata", f"must not be larger than {MOST_METADATA:,} bytes of JSON"))
    if faults:
        raise Invalid("The organisation has faults.", faults)
