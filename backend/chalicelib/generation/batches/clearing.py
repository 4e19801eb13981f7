"""Removing all batches of a tenant that goes; their jobs are the engine's to remove."""

from chalicelib.documents import Delete, Index
from chalicelib.generation.batches import store
from chalicelib.wiring import Ports

_AT_ONCE = 100


def clear(ports: Ports, tenant_id: str) -> int:
    """How many there were. May be done again."""
    removed = 0
    while page := ports.documents.query_index(Index.FIRST, store.tenant_index(tenant_id), limit=_AT_ONCE).items:
        ports.documents.transact([Delete(each.key) for each in page])
        removed += len(page)
    return removed
