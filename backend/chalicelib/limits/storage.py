"""Bytes of logs, artifacts (records and exports among them) and seed data that a tenant keeps.

They are counted as they come and go, and measured anew once in a while: a crash between an object and its count may
leave the count wrong for that long, and no write of an order waits for it.
"""

import threading
from collections.abc import Iterable
from datetime import timedelta

from chalicelib.accounts.model import Caller
from chalicelib.accounts.tenants.standing import standing
from chalicelib.clock import from_text, to_text
from chalicelib.documents import ConditionFailed, Put, Update
from chalicelib.errors import Unprocessable
from chalicelib.limits import store
from chalicelib.wiring import Ports

MEASURED_EVERY = timedelta(hours=6)


class StorageFull(Unprocessable):
    type = "storage-full"
    title = "The organisation's storage is full"


def prefixes(tenant_id: str) -> tuple[str, ...]:
    """Where the objects of a tenant are."""
    return f"logs/{tenant_id}/", f"artifacts/{tenant_id}/", f"seeds/{tenant_id}/", f"uploads/{tenant_id}/"


def used(ports: Ports, tenant_id: str) -> int:
    found = ports.documents.get(store.storage_key(tenant_id))
    return int(found.body["bytes"]) if found else measure(ports, tenant_id)


def room(ports: Ports, tenant_id: str) -> int | None:
    """Bytes that may still be kept; None when there is no limit."""
    return _left(ports, tenant_id, standing(ports.documents, tenant_id).limits.storage)


def check_for(ports: Ports, caller: Caller, octets: int = 1) -> None:
    """The same as `check`, with the limit as it was when the caller came in."""
    check_room(_left(ports, caller.tenant_id, caller.storage_limit), octets)


def check(ports: Ports, tenant_id: str, octets: int = 1) -> None:
    """Raises StorageFull when there is no room for so many more bytes."""
    check_room(room(ports, tenant_id), octets)


def check_room(left: int | None, octets: int) -> None:
    """The same for room that was looked at before."""
    if left is not None and left < octets:
        told = f"There is room for {left:,} bytes more, and {octets:,} are needed." if left else "All of it is taken."
        raise StorageFull(f"{told} Delete jobs or seed data, or ask for more.")


def _left(ports: Ports, tenant_id: str, limit: int | None) -> int | None:
    return None if limit is None else max(0, limit - used(ports, tenant_id))


def add(ports: Ports, tenant_id: str, octets: int) -> None:
    """Count what came (or, below 0, went)."""
    key = store.storage_key(tenant_id)
    found = ports.documents.get(key)
    if found is None or from_text(found.body["measured_at"]) + MEASURED_EVERY <= ports.clock.now():
        measure(ports, tenant_id)
        return
    try:
        ports.documents.transact([Update(key, add={"bytes": octets})])
    except ConditionFailed:
        measure(ports, tenant_id)


def measure(ports: Ports, tenant_id: str) -> int:
    """The bytes there are now, counted one by one."""
    octets = size_of(ports, prefixes(tenant_id))
    body = {"bytes": octets, "measured_at": to_text(ports.clock.now())}
    ports.documents.transact([Put(store.storage_key(tenant_id), body)])
    return octets


def size_of(ports: Ports, of: Iterable[str]) -> int:
    octets = 0
    for prefix in of:
        after = ""
        while page := ports.objects.list(prefix, after=after):
            octets += sum(each.size for each in page)
            after = page[-1].key
    return octets


class Meter:
    """Gathers what the orders of one process leave, so that many orders cost one write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._octets: dict[str, int] = {}

    def add(self, tenant_id: str, octets: int) -> None:
        if octets:
            with self._lock:
                self._octets[tenant_id] = self._octets.get(tenant_id, 0) + octets

    def write(self, ports: Ports) -> None:
        with self._lock:
            taken, self._octets = self._octets, {}
        for tenant_id, octets in taken.items():
            add(ports, tenant_id, octets)
