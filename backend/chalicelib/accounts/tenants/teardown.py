"""The action that removes what was a tenant's. Every step may be done again, so that a crash costs nothing."""

import time

from chalicelib.accounts import store as members
from chalicelib.accounts.tenants import store
from chalicelib.documents import ConditionFailed, Delete, Index, Key, Range
from chalicelib.generation import clearing as generation
from chalicelib.jobs import clearing
from chalicelib.jobs.actions import Task
from chalicelib.settings import Home
from chalicelib.wiring import Ports

TEARDOWN = "tenant.teardown"
_AT_ONCE = 100
_SETTLED = 2.0
"""Seconds after which an index on AWS shows, as a rule, what was written before the organisation was closed."""


def tear_down(task: Task) -> None:
    """Jobs, templates, seed data, members, units, notifications, usage, and at last the name. The audit stays."""
    ports, tenant_id = task.ports, str(task.order.spec.settings["tenant_id"])
    tenant = store.get_tenant(ports.documents, tenant_id)
    if tenant is None:
        task.say(f"There is no organisation {tenant_id}.")
        return
    if ports.settings.home is Home.AWS:
        time.sleep(_SETTLED)
    jobs = clearing.clear(ports, tenant_id, keep=task.job.job_id, by=task.job.username, stopped=task.stopped)
    task.say(f"Removed {jobs} jobs.")
    task.say(f"Removed {generation.clear(ports, tenant_id)} templates, seed data and batches.")
    task.say(f"Removed {_remove_members(ports, tenant_id)} members.")
    for partition in (f"tenant#{tenant_id}", f"channels#{tenant_id}", f"deliveries#{tenant_id}", f"usage#{tenant_id}"):
        _remove_partition(ports, partition, keep=store.tenant_key(tenant_id))
    _free_name(ports, tenant_id)
    task.say(f"{tenant.organisation} is gone; its audit is kept.")


def _remove_members(ports: Ports, tenant_id: str) -> int:
    # The index may show the same ones again for a moment.
    removed: set[Key] = set()
    while page := ports.documents.query_index(Index.FIRST, members.members_index(tenant_id), limit=_AT_ONCE).items:
        ports.documents.transact([Delete(each.key) for each in page])
        removed |= {each.key for each in page}
    return len(removed)


def _remove_partition(ports: Ports, partition: str, *, keep: Key) -> None:
    cursor = None
    while True:
        page = ports.documents.query(partition, Range(), limit=_AT_ONCE, cursor=cursor)
        ports.documents.transact([Delete(each.key) for each in page.items if each.key != keep])
        cursor = page.cursor
        if cursor is None:
            return


def _free_name(ports: Ports, tenant_id: str) -> None:
    tenant = store.get_tenant(ports.documents, tenant_id)
    if tenant is None:
        return
    try:
        ports.documents.transact([store.delete_name(tenant)])
    except ConditionFailed:
        # Freed before; somebody else may have the name by now.
        return
