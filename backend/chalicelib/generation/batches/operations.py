"""What a caller can do with batches. One of another tenant is NotFound."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed, Index
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.generation.batches import store
from chalicelib.generation.batches.model import Batch, BatchJob, BatchPage, SweepKey
from chalicelib.generation.batches.request import BatchRequest
from chalicelib.generation.jobs import operations as generation
from chalicelib.generation.jobs import planning
from chalicelib.generation.jobs.model import MILLION, Estimate
from chalicelib.generation.jobs.request import GenerationRequest, parse_generation
from chalicelib.limits import budget
from chalicelib.wiring import Ports

_GONE = "deleted"


def submit(ports: Ports, caller: Caller, request: BatchRequest, *, batch_id: str | None = None) -> Batch:
    """Its jobs are submitted one by one, under ids that are fixed first: repeated, it goes on where it was.

    Raises Invalid for a sweep that changes nothing, or a cap that does not cover one record of each.
    """
    require(caller, Permission.GENERATION_WRITE)
    budget.check(ports, caller.tenant_id)
    jobs = [parse_generation(each) for each in request.jobs()]
    estimates = [generation.estimate(ports, caller, each) for each in jobs]
    _check_difference(ports, caller, jobs)
    caps = _shares(request.cap, estimates)
    batch = Batch(
        batch_id=batch_id or ports.clock.new_id(),
        tenant_id=caller.tenant_id,
        name=request.name,
        sweep_key=SweepKey(request.sweep_key),
        cap=request.cap,
        username=caller.email,
        created_at=ports.clock.now(),
        jobs=[
            BatchJob(job_id=ports.clock.new_id(), value=value, cap=cap, status="submitting")
            for value, cap in zip(request.values, caps, strict=True)
        ],
    )
    after = {"name": batch.name, "sweep": request.sweep_key, "jobs": len(jobs), "budget": request.budget_limit}
    recorded = entry(ports.clock, caller, "batch.submit", f"batch/{batch.batch_id}", after=after)
    try:
        ports.documents.transact([store.put_batch(batch), recorded])
    except ConditionFailed:
        batch = store.find_batch(ports.documents, batch.batch_id)
    for job, each in zip(jobs, batch.jobs, strict=True):
        named = {"budget_limit": each.cap / MILLION, "name": f"{batch.name}: {batch.sweep_key} {each.value}"[:200]}
        generation.submit(ports, caller, job.model_copy(update=named), job_id=each.job_id)
    return see(ports, caller, batch.batch_id)


def _check_difference(ports: Ports, caller: Caller, jobs: Sequence[GenerationRequest]) -> None:
    plans = [planning.plan(ports, caller, each) for each in jobs]
    seen = {
        (tuple(step.model for step in each.steps), each.seed_data_id, each.num_records, each.template_version)
        for each in plans
    }
    if len(seen) < len(plans):
        raise Invalid("The batch has faults.", [Fault("values", "two of them make the same job: nothing to compare")])


def _shares(cap: int, estimates: Sequence[Estimate]) -> list[int]:
    """By what each is expected to cost, but enough for one record of each. Raises Invalid."""
    least = [each.smallest_cap for each in estimates]
    if sum(least) > cap:
        needed = sum(least) / MILLION
        raise Invalid("The batch has faults.", [Fault("budget_limit", f"one record of each may cost {needed:.6f} USD")])
    rest, weight = cap - sum(least), sum(each.expected for each in estimates)
    return [few + rest * each.expected // max(1, weight) for few, each in zip(least, estimates, strict=True)]


def see(ports: Ports, caller: Caller, batch_id: str) -> Batch:
    require(caller, Permission.GENERATION_READ)
    batch = store.find_batch(ports.documents, batch_id)
    if batch.tenant_id != caller.tenant_id:
        raise NotFound(f"There is no batch {batch_id}.")
    return replace(batch, jobs=[_as_it_is(ports, caller, each) for each in batch.jobs])


def _as_it_is(ports: Ports, caller: Caller, job: BatchJob) -> BatchJob:
    try:
        found = generation.see(ports, caller, job.job_id)
    except NotFound:
        return replace(job, status=_GONE)
    started, ended = found.job.started_at, found.job.ended_at or ports.clock.now()
    return replace(
        job,
        status=found.job.status.value,
        cap=found.money.cap,
        num_records=found.progress.num_records,
        done=found.progress.done,
        failed=found.progress.failed,
        spent=found.money.spent,
        tokens=found.progress.input_tokens + found.progress.output_tokens,
        seconds=(ended - started).total_seconds() if started else None,
    )


def list_batches(ports: Ports, caller: Caller, *, limit: int = 50, cursor: str | None = None) -> BatchPage:
    """Newest first; their jobs are as they were submitted."""
    require(caller, Permission.GENERATION_READ)
    page = ports.documents.query_index(
        Index.FIRST, store.tenant_index(caller.tenant_id), limit=limit, cursor=cursor, descending=True
    )
    return BatchPage([store.to_batch(each) for each in page.items], page.cursor)
