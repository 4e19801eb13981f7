"""Removing all seed data of a tenant that goes."""

from chalicelib.documents import Delete
from chalicelib.generation.seeds import store
from chalicelib.wiring import Ports

_AT_ONCE = 50


def clear(ports: Ports, tenant_id: str) -> int:
    """How many there were. May be done again."""
    removed = 0
    while page := ports.documents.query(store.partition(tenant_id), limit=_AT_ONCE).items:
        ports.documents.transact([Delete(each.key) for each in page])
        removed += len(page)
    for prefix in (f"seeds/{tenant_id}/", f"uploads/{tenant_id}/"):
        ports.objects.delete_prefix(prefix)
    return removed
