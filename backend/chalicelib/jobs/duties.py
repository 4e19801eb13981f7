"""What is owed to others for a job: its comment kept true, and its end told.

A duty is put down in the transaction that causes it and stays until it is done; the queue only wakes whoever does it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from chalicelib import outbound
from chalicelib.clock import to_text
from chalicelib.documents import Condition, Delete, Documents, FieldIs, Index, Key, Put, Range
from chalicelib.errors import Fault, Invalid
from chalicelib.jobs import store
from chalicelib.jobs.comments import place_of
from chalicelib.jobs.model import Job
from chalicelib.jobs.submission import JobRequest
from chalicelib.notifications.notices import NOTICES
from chalicelib.queues import Message
from chalicelib.settings import Home
from chalicelib.vcs import read_repository
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


def faults_of(ports: Ports, tenant_id: str, request: JobRequest) -> list[Fault]:
    """Why what a job asks to be told to others could not be."""
    return [*_comment_faults(ports, request), *_end_faults(ports, tenant_id, request.done_endpt or "")]


def _comment_faults(ports: Ports, request: JobRequest) -> list[Fault]:
    if request.pr_number is None and request.issue_number is None:
        return []
    if request.pr_number is not None and request.issue_number is not None:
        return [Fault("issue_number", "must be left out where there is a pr_number")]
    place = "pr_number" if request.pr_number is not None else "issue_number"
    if not request.git_repo:
        return [Fault("git_repo", f"is required for a {place}")]
    repository = read_repository(request.git_repo)
    if repository is None:
        return [Fault("git_repo", "must be as https://github.com/acme/app")]
    if repository.host not in ports.hosts:
        return [Fault("git_repo", f"must be at {' or '.join(ports.hosts)} for a {place}")]
    return []


def _end_faults(ports: Ports, tenant_id: str, address: str) -> list[Fault]:
    if not address:
        return []
    if address.startswith("s3://"):
        return _object_faults(ports, tenant_id, address)
    try:
        outbound.check_url(address, allowed=ports.settings.webhook_hosts, place="done_endpt")
    except Invalid as refusal:
        return list(refusal.faults)
    return []


def _object_faults(ports: Ports, tenant_id: str, address: str) -> list[Fault]:
    if ports.settings.home is not Home.AWS:
        return [Fault("done_endpt", "must begin with https://: this home has no buckets")]
    parts = urlsplit(address)
    wanted = f"s3://{done_bucket(ports)}/{tenant_id}/"
    clean = not parts.query and not parts.fragment and not {"", ".", ".."} & set(parts.path.split("/")[1:])
    return [] if address.startswith(wanted) and clean else [Fault("done_endpt", f"must begin with {wanted}")]


def done_bucket(ports: Ports) -> str:
    return ports.settings.done_bucket or ports.settings.bucket


def done_key(ports: Ports, job_id: str) -> str:
    """In the done bucket, or among all other objects where there is none."""
    return f"{job_id}/done" if ports.done else f"done/{job_id}/done"


def done_address(ports: Ports, job: Job) -> str:
    """Where its end can be learnt."""
    if asked := job.settings.get("done_endpt"):
        return str(asked)
    if ports.settings.home is Home.AWS:
        return f"s3://{done_bucket(ports)}/{done_key(ports, job.job_id)}"
    return f"{ports.settings.address}/api/jobs/{job.job_id}"


def told_of(job: Job) -> dict[str, Any]:
    """The end of a job, as it is told."""
    counts = {str(status): count for status, count in job.counts.items()}
    ends = ("succeeded", "failed", "timed_out", "cancelled", "skipped")
    summary = {**{each: counts.get(each, 0) for each in ends}, "warnings": job.warnings}
    return {"status": str(job.status), "summary": summary, "run_id": job.job_id, "trace_id": job.trace_id}
