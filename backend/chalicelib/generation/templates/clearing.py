"""Removing all templates of a tenant that goes."""

from chalicelib.documents import Index
from chalicelib.generation.templates import store
from chalicelib.wiring import Ports


def clear(ports: Ports, tenant_id: str) -> int:
    """How many there were. May be done again."""
    removed = 0
    while page := ports.documents.query_index(Index.FIRST, store.tenant_index(tenant_id), limit=20).items:
        for found in ports.documents.get_many([each.key for each in page]):
            # The index may still show what is gone.
            if found is None:
                continue
            # The versions first: without the head nobody would find them again.
            for writes in reversed(store.removal(ports.documents, store.to_template(found))):
                ports.documents.transact(writes)
            removed += 1
    ports.objects.delete_prefix(f"templates/{tenant_id}/")
    return removed
