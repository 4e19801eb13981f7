"""The lock on a job: one orchestrator at a time, and whoever comes meanwhile makes it look again.

A holder that crashed is replaced when its lease ends. `fence` grows with each holder; writes check it. The lock itself
need not survive a power cut, which no holder survives either; whatever a holder writes makes its lock durable with it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.clock import Clock, from_text, to_text
from chalicelib.documents import Absent, Check, ConditionFailed, Document, Documents, FieldIs, Put, Update, VersionIs
from chalicelib.errors import Unavailable
from chalicelib.jobs.store import lock_key

LEASE = timedelta(seconds=5)
LONG_LEASE = timedelta(seconds=60)
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Lock:
    """`after_crash`: the holder before did not release it, so what it began may be half done."""

    job_id: str
    fence: int
    after_crash: bool

    def check(self) -> Check:
        """Fails a transaction once somebody else took the lock."""
        return Check(lock_key(self.job_id), [FieldIs("fence", self.fence)])


def acquire(documents: Documents, clock: Clock, job_id: str, *, owner: str, mark: bool = True) -> Lock | None:
    """The lock, or None when another holds it, and (`mark`) has been told to look again."""
    for _ in range(_ROUNDS):
        found = documents.get(lock_key(job_id))
        try:
            if found is None or _is_free(found, clock.now()):
                return _take(documents, job_id, found, owner=owner, until=clock.now() + LEASE)
            if mark and not found.body["dirty"]:
                documents.transact([Update(found.key, {"dirty": True}, conditions=[VersionIs(found.version)])])
        except ConditionFailed:
            continue
        return None
    raise Unavailable(f"The lock of job {job_id} changed hands {_ROUNDS} times while we asked for it.")


def release(documents: Documents, lock: Lock) -> bool:
    """True when it is free now (or lost); False when somebody asked to look again, and it is still ours."""
    mine = FieldIs("fence", lock.fence)
    try:
        documents.transact(
            [Update(lock_key(lock.job_id), {"owner": ""}, conditions=[mine, FieldIs("dirty", value=False)])],
            durable=False,
        )
    except ConditionFailed:
        try:
            documents.transact([Update(lock_key(lock.job_id), {"dirty": False}, conditions=[mine])])
        except ConditionFailed:
            return True
        return False
    return True


def extend(documents: Documents, clock: Clock, lock: Lock) -> None:
    """What follows may take longer than a lease. A lock that was lost is left to whoever has it."""
    until = to_text(clock.now() + LONG_LEASE)
    try:
        documents.transact([Update(lock_key(lock.job_id), {"until": until}, conditions=[FieldIs("fence", lock.fence)])])
    except ConditionFailed:
        return


def _is_free(found: Document, now: datetime) -> bool:
    return not found.body["owner"] or from_text(found.body["until"]) <= now


def _take(documents: Documents, job_id: str, found: Document | None, *, owner: str, until: datetime) -> Lock:
    fence = found.body["fence"] + 1 if found else 1
    body = {"owner": owner, "fence": fence, "until": to_text(until), "dirty": False}
    condition = VersionIs(found.version) if found else Absent()
    documents.transact([Put(lock_key(job_id), body, [condition])], durable=False)
    return Lock(job_id, fence, after_crash=bool(found and found.body["owner"]))
