"""Removing what a tenant that goes has kept for generation, its jobs excepted: the engine removes those."""

from chalicelib.documents import Delete
from chalicelib.generation.batches import clearing as batches
from chalicelib.generation.seeds import clearing as seeds
from chalicelib.generation.templates import clearing as templates
from chalicelib.wiring import Ports

_AT_ONCE = 100


def clear(ports: Ports, tenant_id: str) -> int:
    """Templates, seed data, batches and what was spent; how many of the first three there were. May be done again."""
    removed = templates.clear(ports, tenant_id) + seeds.clear(ports, tenant_id) + batches.clear(ports, tenant_id)
    while page := ports.documents.query(f"costs#{tenant_id}", limit=_AT_ONCE).items:
        ports.documents.transact([Delete(each.key) for each in page])
    return removed
