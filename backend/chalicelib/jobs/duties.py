"""What is owed to others for a job: its comment kept true, and its end told.

A duty is put down in the transaction that causes it and stays until it is done; the queue only wakes whoever does it.
"""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.clock import to_text
from chalicelib.documents import Condition, Delete, Documents, FieldIs, Index, Key, Put, Range
from chalicelib.jobs import store
from chalicelib.jobs.comments import place_of
from chalicelib.jobs.model import Job
from chalicelib.notifications.notices import NOTICES
from chalicelib.queues import Message
from chalicelib.settings import Home
from chalicelib.wiring import Ports

OPEN_DUTIES = "open-duties"


@dataclass(frozen=True, slots=True)
class Duty:
    """`stamp` is new with each cause. `tries` are those that failed since then."""

    job_id: str
    stamp: str
    due: datetime
    tries: int = 0


def key(job_id: str) -> Key:
    return Key(store.partition(job_id), "duty")


def put(duty: Duty, *conditions: Condition) -> Put:
    found_at = Key(OPEN_DUTIES, f"{to_text(duty.due)}#{duty.job_id}")
    body = {"stamp": duty.stamp, "tries": duty.tries}
    return Put(key(duty.job_id), body, conditions, {Index.THIRD: found_at})


def new(ports: Ports, job: Job) -> Put:
    """Takes the place of one that is open: what is done looks at the job as it is then."""
    return put(Duty(job.job_id, ports.clock.new_id(), ports.clock.now()))


def later(duty: Duty, due: datetime, tries: int) -> Put:
    return put(Duty(duty.job_id, duty.stamp, due, tries), FieldIs("stamp", duty.stamp))


def done(duty: Duty) -> Delete:
    """Fails when there is a new cause."""
    return Delete(key(duty.job_id), [FieldIs("stamp", duty.stamp)])


def find(documents: Documents, job_id: str) -> Duty | None:
    found = documents.get(key(job_id))
    if found is None:
        return None
    due = datetime.fromisoformat(found.indexes[Index.THIRD].sort.partition("#")[0])
    return Duty(job_id, found.body["stamp"], due, found.body["tries"])


def due(documents: Documents, now: datetime, *, limit: int) -> list[str]:
    """Ids of jobs."""
    # `~` sorts after the `#` that follows the time: what is due at this very moment is due.
    page = documents.query_index(Index.THIRD, OPEN_DUTIES, Range(end=f"{to_text(now)}~"), limit=limit)
    return [each.key.partition.removeprefix("job#") for each in page.items]


def wake(ports: Ports, job: Job) -> None:
    """Once it is written. A lost wake-up costs a moment: open duties are looked for as well."""
    ports.queues.send(NOTICES, [Message({"job_id": job.job_id}, group=job.tenant_id)], durable=False)


def at_change(job: Job) -> bool:
    """Whether somebody is told of every change of it."""
    return place_of(job) is not None


def at_end(ports: Ports, job: Job) -> bool:
    far = ports.settings.home is Home.AWS
    return far or bool(job.leg or job.settings.get("done_endpt")) or at_change(job)
