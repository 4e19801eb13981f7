"""Where tenants live: `tenant#<id>` holds `tenant` and `units`; `tree#<root>` holds who is below whom."""

from collections.abc import Sequence
from dataclasses import asdict

from chalicelib.accounts.model import TenantStatus
from chalicelib.accounts.tenants.model import Environment, Limits, Tenant
from chalicelib.accounts.tenants.tree import Tree
from chalicelib.accounts.tenants.units import Level, Unit, Units
from chalicelib.clock import from_text, to_text
from chalicelib.documents import (
    Absent,
    Check,
    Condition,
    Delete,
    Document,
    Documents,
    FieldIs,
    Index,
    Key,
    Put,
    Update,
    VersionIs,
    Write,
)

ALL_TENANTS = "tenants"


def tenant_key(tenant_id: str) -> Key:
    return Key(f"tenant#{tenant_id}", "tenant")


def units_key(tenant_id: str) -> Key:
    return Key(f"tenant#{tenant_id}", "units")


def tree_key(root: str) -> Key:
    return Key(f"tree#{root}", "tree")


def organisation_key(organisation: str) -> Key:
    """Names that differ in case or spacing only are the same name."""
    return Key(f"organisation#{folded(organisation)}", "tenant")


def folded(organisation: str) -> str:
    return " ".join(organisation.casefold().split())


def status_index(status: TenantStatus) -> str:
    return f"tenants#status#{status}"


def environment_index(environment: Environment) -> str:
    return f"tenants#environment#{environment}"


def put_name(tenant: Tenant) -> Put:
    """The document that makes the name unique."""
    return Put(organisation_key(tenant.organisation), {"tenant_id": tenant.tenant_id}, [Absent()])


def delete_name(tenant: Tenant) -> Delete:
    """Frees the name, unless another tenant has it by now."""
    return Delete(organisation_key(tenant.organisation), [FieldIs("tenant_id", tenant.tenant_id)])


def creation(tenant: Tenant) -> list[Write]:
    return [put_tenant(tenant, Absent()), put_name(tenant)]


def put_tenant(tenant: Tenant, *conditions: Condition) -> Put:
    place = f"{folded(tenant.organisation)}#{tenant.tenant_id}"
    indexes = {
        Index.FIRST: Key(ALL_TENANTS, place),
        Index.SECOND: Key(status_index(tenant.status), place),
        Index.THIRD: Key(environment_index(tenant.environment), place),
    }
    body = asdict(tenant)
    del body["version"]
    body |= {"created_at": to_text(tenant.created_at)}
    body |= {"updated_at": to_text(tenant.updated_at) if tenant.updated_at else None}
    return Put(tenant_key(tenant.tenant_id), body, conditions or (VersionIs(tenant.version),), indexes)


def to_tenant(document: Document) -> Tenant:
    body = dict(document.body)
    updated_at = body["updated_at"]
    body |= {
        "created_at": from_text(body["created_at"]),
        "updated_at": from_text(updated_at) if updated_at else None,
        "status": TenantStatus(body["status"]),
        "environment": Environment(body["environment"]),
        "limits": Limits(**body["limits"]),
    }
    return Tenant(**body, version=document.version)


def get_tenant(documents: Documents, tenant_id: str) -> Tenant | None:
    found = documents.get(tenant_key(tenant_id)) if tenant_id.isalnum() else None
    return to_tenant(found) if found else None


def get_tenants(documents: Documents, tenant_ids: Sequence[str]) -> list[Tenant]:
    """Those that are there, in the order asked."""
    found = documents.get_many([tenant_key(each) for each in tenant_ids]) if tenant_ids else []
    return [to_tenant(each) for each in found if each]


def name_is_taken(documents: Documents, organisation: str) -> bool:
    return documents.get(organisation_key(organisation)) is not None


def get_tree(documents: Documents, root: str) -> Tree:
    found = documents.get(tree_key(root))
    return Tree(root, found.body["parents"], found.version) if found else Tree(root)


def put_tree(tree: Tree) -> Write:
    """The tree as it is now, if it is still what was read. One without branches has no document."""
    condition = VersionIs(tree.version) if tree.version else Absent()
    if tree.parents:
        return Put(tree_key(tree.root), {"parents": dict(tree.parents)}, [condition])
    if tree.version:
        return Delete(tree_key(tree.root), [condition])
    return Check(tree_key(tree.root), [condition])


def get_units(documents: Documents, tenant_id: str) -> Units:
    found = documents.get(units_key(tenant_id))
    if found is None:
        return Units()
    units = {
        unit_id: Unit(unit_id, Level(each["level"]), each["name"], each["parent_id"])
        for unit_id, each in found.body["units"].items()
    }
    return Units(units, found.body["placed"], found.version)


def put_units(tenant_id: str, units: Units) -> Put:
    bodies = {
        unit_id: {"level": each.level.value, "name": each.name, "parent_id": each.parent_id}
        for unit_id, each in units.units.items()
    }
    condition = VersionIs(units.version) if units.version else Absent()
    return Put(units_key(tenant_id), {"units": bodies, "placed": dict(units.placed)}, [condition])


def delete_units(tenant_id: str) -> Delete:
    return Delete(units_key(tenant_id))


def count_channels(tenant_id: str, more: int) -> Update:
    return Update(tenant_key(tenant_id), add={"channels": more})


def unplace(tenant_id: str) -> Update:
    return Update(tenant_key(tenant_id), {"unit_id": ""})
