"""Doing what is owed for jobs: their comment edited when they change; their end told and their keys deleted.

Level-triggered: a job is read, compared with what was told last, and the difference is told. Whoever does it holds a
lease on the record of what was told; who dies leaves a duty that is found, and a record from which another goes on.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import orjson

from chalicelib import outbound
from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, ConditionFailed, Delete, Key, Put, VersionIs
from chalicelib.errors import Invalid, MillraceError, NotFound, Unavailable
from chalicelib.jobs import comments, duties, ends, store
from chalicelib.jobs.duties import Duty
from chalicelib.jobs.model import Event, Job
from chalicelib.jobs.places import keys_prefix
from chalicelib.vcs import Comments, Place, Refused
from chalicelib.webhook import signature, tokens
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
"""Longer than all calls of one round take, so that nobody else comes in between."""
EDITED_EVERY = timedelta(seconds=3)
"""A running job's comment; its end is told at once."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600))
"""Before each further try; after the last one it is given up, and the job's history says so."""
AT_ONCE = 8
_LOOKED_AT = 100
_GONE = 410
_SUCCESS = range(200, 300)
_FREE = "1970-01-01T00:00:00.000000Z"


class Later(Exception):
    """It is too early for it."""

    def __init__(self, at: datetime) -> None:
        self.at = at


class Failed(Exception):
    """It did not work this time."""


class Record:
    """What was told of a job so far. Every write of it fails once somebody else took it over."""

    def __init__(self, ports: Ports, key: Key, body: Mapping[str, Any], version: int) -> None:
        self._ports = ports
        self._key = key
        self._version = version
        self.body = dict(body)

    def save(self, **changes: Any) -> None:
        """And hold it for longer. Raises ConditionFailed."""
        self._write({**self.body, **changes, "leased_until": to_text(self._ports.clock.now() + LEASE)})

    def release(self) -> None:
        self._write({**self.body, "leased_until": _FREE})

    def _write(self, body: dict[str, Any]) -> None:
        condition = VersionIs(self._version) if self._version else Absent()
        self._ports.documents.transact([Put(self._key, body, [condition])])
        self.body, self._version = body, self._version + 1


def settle(ports: Ports) -> int:
    """All that is due now, as far as one round goes; how much of it was done."""
    due = duties.due(ports.documents, ports.clock.now(), limit=_LOOKED_AT)
    if not due:
        return 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="duty") as pool:
        return sum(pool.map(lambda job_id: settle_one(ports, job_id), due))


def settle_one(ports: Ports, job_id: str) -> bool:
    """What is due for one job. False when there was nothing to do, or somebody else does it."""
    did = False
    while (duty := _due(ports, job_id)) is not None:
        record = _take(ports, job_id)
        if record is None:
            break
        try:
            did = _settle(ports, duty, record) or did
            record.release()
        except ConditionFailed:
            # Somebody else took it over, who does the rest.
            break
    return did


def _due(ports: Ports, job_id: str) -> Duty | None:
    duty = duties.find(ports.documents, job_id)
    return duty if duty and duty.due <= ports.clock.now() else None


def _take(ports: Ports, job_id: str) -> Record | None:
    key = Key(store.partition(job_id), "told")
    found = ports.documents.get(key)
    if found and from_text(found.body["leased_until"]) > ports.clock.now():
        return None
    record = Record(ports, key, found.body if found else {}, found.version if found else 0)
    try:
        record.save()
    except ConditionFailed:
        return None
    return record


def _settle(ports: Ports, duty: Duty, record: Record) -> bool:
    try:
        job = store.find_job(ports.documents, duty.job_id)
    except NotFound:
        ports.documents.transact([Delete(duties.key(duty.job_id))])
        return True
    again = _perform(ports, job, duty, record)
    write = duties.done(duty) if again is None else duties.later(duty, again[0], again[1])
    try:
        ports.documents.transact([write])
    except ConditionFailed:
        # The job changed meanwhile: it is looked at anew.
        return True
    return True


def _perform(ports: Ports, job: Job, duty: Duty, record: Record) -> tuple[datetime, int] | None:
    """When there is more to do, and how many tries failed by then; None when all is done."""
    steps: list[tuple[str, Callable[[Ports, Job, Record], None]]] = [("comment", _comment)]
    if job.status.ended:
        steps += [("done", _mark), ("done", _tell), ("keys", _clear)]
    waits: list[datetime] = []
    tries = duty.tries
    for name, step in steps:
        try:
            step(ports, job, record)
        except Later as later:
            waits.append(later.at)
        except Refused as refusal:
            _give_up(ports, job, record, name, str(refusal))
        except Invalid as refusal:
            _give_up(ports, job, record, name, refusal.detail)
        except (Failed, Unavailable) as failure:
            if duty.tries >= len(PAUSES):
                _give_up(ports, job, record, name, str(failure))
                continue
            log.warning("%s of job %s has to wait: %s", name, job.job_id, failure)
            tries = duty.tries + 1
            waits.append(ports.clock.now() + PAUSES[duty.tries])
    return (min(waits), tries) if waits else None


def _give_up(ports: Ports, job: Job, record: Record, name: str, why: str) -> None:
    """Said once for each end, or each text."""
    if record.body.get("given_up") == [name, why]:
        return
    event = Event(
        event_id=ports.clock.new_id(), at=ports.clock.now(), actor="millrace", kind=f"{name}.failed", message=why[:500]
    )
    ports.documents.transact([store.put_event(job.job_id, event)])
    record.save(given_up=[name, why])


def _comment(ports: Ports, job: Job, record: Record) -> None:
    place = comments.place_of(job)
    if place is None:
        return
    text = comments.render(job, store.load_all_orders(ports.documents, job), ports.settings.address)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if record.body.get("posted") == digest:
        return
    now = ports.clock.now()
    early = from_text(record.body.get("posted_at", _FREE)) + EDITED_EVERY
    if now < early and not job.status.ended:
        raise Later(early)
    host = ports.hosts.get(place.repository.host)
    if host is None:
        raise Refused(f"no comments are posted at {place.repository.host} any more")
    token = tokens.token_of(ports, job.tenant_id, job.settings)
    _post(host, place, job, record, text=text, token=token)
    record.save(posted=digest, posted_at=to_text(now))


def _post(host: Comments, place: Place, job: Job, record: Record, *, text: str, token: str) -> None:
    """Edit the job's comment; make it where there is none, though a maker before may have died unheard."""
    comment_id = record.body.get("comment_id", "")
    if not comment_id and record.body.get("begun"):
        comment_id = host.find(place, comments.marker(job), token)
    if comment_id:
        host.edit(place, comment_id, text, token)
    else:
        record.save(begun=True)
        comment_id = host.create(place, text, token)
    record.save(comment_id=comment_id)


def _mark(ports: Ports, job: Job, record: Record) -> None:
    """`done` of the run, where others look for it: of every one where there is a bucket for them."""
    if not (job.leg or ports.done) or record.body.get("marked") == _end_of(job):
        return
    _put(ports, ends.done_key(ports, job.job_id), orjson.dumps(ends.told_of(job)))
    record.save(marked=_end_of(job))


def _tell(ports: Ports, job: Job, record: Record) -> None:
    """Where the job asks for it."""
    address = str(job.settings.get("done_endpt", ""))
    if not address or record.body.get("told") == _end_of(job):
        return
    content = orjson.dumps(ends.told_of(job))
    if address.startswith("s3://"):
        _put(ports, ends.asked_key(address), content)
    else:
        _send(ports, address, content, signature.headers_of(ports, job.tenant_id, content))
    record.save(told=_end_of(job))


def _send(ports: Ports, address: str, content: bytes, signed: Mapping[str, str]) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "Millrace", **signed}
    try:
        reply = outbound.post(address, content, headers, allowed=ports.settings.webhook_hosts)
    except outbound.NotSent as error:
        raise Failed(f"done_endpt: {error}") from None
    if reply.status == _GONE:
        raise Refused("done_endpt answered 410: it wants no more")
    if reply.status not in _SUCCESS:
        raise Failed(f"done_endpt answered {reply.status}")


def _clear(ports: Ports, job: Job, record: Record) -> None:
    """The keys of its bundles, which nothing of it needs any more."""
    if record.body.get("cleared") == _end_of(job):
        return
    ports.objects.delete_prefix(keys_prefix(job.job_id))
    record.save(cleared=_end_of(job))


def _put(ports: Ports, key: str, content: bytes) -> None:
    try:
        (ports.done or ports.objects).put(key, content, replace=True)
    except MillraceError as error:
        raise Failed(error.detail) from error


def _end_of(job: Job) -> int:
    """A job that is retried ends again, in another version of itself."""
    return job.version
