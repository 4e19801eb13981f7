"""Where the end of a job is told, and what is told there."""

import re
from typing import Any

from chalicelib import outbound
from chalicelib.errors import Fault, Invalid
from chalicelib.jobs.model import Job
from chalicelib.settings import Home
from chalicelib.wiring import Ports

_KEY = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


def faults_of(ports: Ports, tenant_id: str, address: str) -> list[Fault]:
    """Why nothing could be told at this `done_endpt`."""
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
    wanted = f"s3://{done_bucket(ports)}/{tenant_id}/"
    if address.startswith(wanted) and _KEY.fullmatch(address.removeprefix(wanted)):
        return []
    return [Fault("done_endpt", f"must begin with {wanted}, and end with a plain path")]


def done_bucket(ports: Ports) -> str:
    return ports.settings.done_bucket or ports.settings.bucket


def asked_key(address: str) -> str:
    """Of an address that begins with s3://."""
    return address.removeprefix("s3://").partition("/")[2]


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
