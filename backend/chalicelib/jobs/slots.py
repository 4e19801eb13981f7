"""A tenant's limit of orders in flight: numbered places, of which an order holds one from its claim to its end.

Places are taken and given back in the transactions of the orders themselves, so that no crash can lose one or take one
twice. Tenants without a limit have none.
"""

import zlib

from chalicelib.documents import Absent, ConditionFailed, Delete, Documents, Key, Put, Range, VersionIs
from chalicelib.jobs.model import Job, Order
from chalicelib.jobs.wakeups import wake
from chalicelib.wiring import Ports

MOST = 1000
_WOKEN_AT_ONCE = 3


def free(documents: Documents, job: Job, limit: int | None) -> list[int] | None:
    """Numbers of places that are free, each job looking from another one on; None when there is no limit."""
    if limit is None:
        return None
    if limit == 0:
        return []
    page = documents.query(partition(job.tenant_id), Range(prefix="slot#"), limit=MOST)
    taken = {int(each.key.sort.removeprefix("slot#")) for each in page.items}
    left = limit - len(taken)
    first = zlib.crc32(job.job_id.encode()) % limit
    numbers = [(first + step) % limit + 1 for step in range(limit)]
    return [number for number in numbers if number not in taken][: max(left, 0)]


def count_taken(documents: Documents, tenant_id: str) -> int:
    return len(documents.query(partition(tenant_id), Range(prefix="slot#"), limit=MOST).items)


def take(job: Job, order: Order) -> Put:
    return Put(_key(job.tenant_id, order.slot), {"job_id": job.job_id, "number": order.number}, [Absent()])


def give_back(job: Job, order: Order) -> Delete:
    return Delete(_key(job.tenant_id, order.slot))


def wait(documents: Documents, job: Job, limit: int | None) -> bool:
    """Leave word to be woken when a place is free; True when one became free meanwhile."""
    documents.transact([Put(Key(partition(job.tenant_id), f"waiter#{job.job_id}"), {})])
    return bool(free(documents, job, limit))


def wake_waiters(ports: Ports, tenant_id: str) -> None:
    """The jobs that wait longest. Word is taken back only if the job did not leave it again meanwhile."""
    waiting = ports.documents.query(partition(tenant_id), Range(prefix="waiter#"), limit=_WOKEN_AT_ONCE)
    for each in waiting.items:
        wake(ports, each.key.sort.removeprefix("waiter#"), tenant_id=tenant_id)
        try:
            ports.documents.transact([Delete(each.key, [VersionIs(each.version)])])
        except ConditionFailed:
            continue


def partition(tenant_id: str) -> str:
    return f"slots#{tenant_id}"


def _key(tenant_id: str, number: int) -> Key:
    return Key(partition(tenant_id), f"slot#{number:04d}")
