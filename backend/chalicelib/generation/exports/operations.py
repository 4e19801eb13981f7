"""Exports beside those that a job makes at its end: of what is there now, in other formats, or divided otherwise."""

from collections.abc import Iterator

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import Absent, ConditionFailed, Put
from chalicelib.errors import NotFound
from chalicelib.generation import columns, store
from chalicelib.generation.exports.model import EXPORT, Wanted, check_formats
from chalicelib.generation.jobs.model import EXPORT_KIND, KIND, ExportFile, Format, Partition
from chalicelib.jobs import builtin
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.model import Job, OrderSpec
from chalicelib.jobs.wakeups import wake
from chalicelib.limits import storage
from chalicelib.wiring import Ports

LONGEST = 24 * 3600
LISTED = 100


def export(
    ports: Ports,
    caller: Caller,
    job_id: str,
    format: Format,
    partition: Partition | None = None,
    *,
    export_id: str | None = None,
) -> Job:
    """A job that makes files of the records that are there now, whatever becomes of the job that makes them.

    Raises StorageFull, or Invalid for a format that is not offered here.
    """
    require(caller, Permission.GENERATION_WRITE)
    check_formats([format], "format")
    source = _source(ports, caller, job_id)
    storage.check_for(ports, caller)
    export_id = export_id or ports.clock.new_id()
    wanted = Wanted(format, job_id, partition)
    order = OrderSpec(name=f"export {format}", commands=(), timeout=LONGEST, action=EXPORT, settings=wanted.settings())
    creation = builtin.creation(
        ports.clock,
        [order],
        job_id=export_id,
        tenant_id=caller.tenant_id,
        username=caller.email,
        kind=EXPORT_KIND,
        name=f"{source.name}: {format}"[:200],
    )
    told = entry(ports.clock, caller, "job.export", f"job/{job_id}", after={"export": export_id, "format": format})
    known = Put(store.export_key(job_id, export_id), {"job_id": export_id}, [Absent()])
    try:
        ports.documents.transact([*creation, known, told])
    except ConditionFailed:
        return jobs.get_job(ports, caller, export_id)
    wake(ports, export_id, tenant_id=caller.tenant_id)
    return jobs.get_job(ports, caller, export_id)


def list_columns(ports: Ports, caller: Caller, job_id: str) -> list[str]:
    """Names by which the records that are there can be divided: those of the first of them."""
    require(caller, Permission.GENERATION_READ)
    _source(ports, caller, job_id)
    first = next(store.parts(ports.documents, job_id), None)
    return [each for each in first.columns if each not in columns.OWN] if first else []


def list_files(ports: Ports, caller: Caller, job_id: str) -> list[ExportFile]:
    """Of the job's own exports first, then of the later ones."""
    require(caller, Permission.GENERATION_READ)
    _source(ports, caller, job_id)
    found = list(_files(ports, caller, job_id))
    for each in store.later_exports(ports.documents, job_id, limit=LISTED):
        try:
            found += _files(ports, caller, each)
        except NotFound:
            # It was deleted by itself.
            continue
    return found


def _source(ports: Ports, caller: Caller, job_id: str) -> Job:
    job = jobs.get_job(ports, caller, job_id)
    if job.kind != KIND:
        raise NotFound(f"Job {job_id} generates nothing.")
    return job


def _files(ports: Ports, caller: Caller, job_id: str) -> Iterator[ExportFile]:
    for order in jobs.get_orders(ports, caller, job_id):
        if order.spec.action == EXPORT:
            wanted = Wanted.of(order.spec.settings)
            for each in order.artifacts:
                yield ExportFile(
                    job_id=job_id,
                    order_num=order.number,
                    format=wanted.format,
                    path=each.path,
                    size=each.size,
                    made_at=order.ended_at,
                )
