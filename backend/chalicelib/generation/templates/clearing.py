"""Removing all templates of a tenant that goes."""

from chalicelib.documents import Index
from chalicelib.generation.templates import store
from chalicelib.wiring import Ports


def clear(ports: Ports, tenant_id: str) -> int:
    """How many there were. May be done again."""
    removed = 0
    while page := ports.documents.query_index(Index.FIRST, store.tenant_index(tenant_id), limit=20).items:
        for each in map(store.to_template, page):
            # The versions first: without the head nobody would find them again.
            for writes in reversed(store.removal(ports.documents, each)):
                ports.documents.transact(writes)
            removed += 1
    ports.objects.delete_prefix(f"templates/{tenant_id}/")
    return removed
