"""What a caller can do with generation jobs. One of another tenant, or of another kind, is NotFound."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import Condition, ConditionFailed, FieldAtLeast, FieldIs, Update, Write
from chalicelib.errors import Conflict, Fault, Invalid, NotFound
from chalicelib.generation import parts, plans, quality, scoring, seeding, store
from chalicelib.generation.exports.model import EXPORT, check_formats
from chalicelib.generation.jobs import estimating, planning, waiting
from chalicelib.generation.jobs.model import (
    KIND,
    Estimate,
    Generation,
    Plan,
    Progress,
    Quality,
    Record,
    RecordPage,
    StepCost,
)
from chalicelib.generation.jobs.request import GenerationRequest, to_micro
from chalicelib.generation.records import Seed
from chalicelib.generation.running import GENERATE
from chalicelib.generation.seeds import operations as seed_data
from chalicelib.generation.store import Part, Run, Shard
from chalicelib.generation.templates.model import Variables
from chalicelib.jobs import builtin
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.model import Job, JobStatus, OrderSpec, RunWhen
from chalicelib.jobs.wakeups import wake
from chalicelib.limits import budget, storage
from chalicelib.wiring import Ports

LONGEST = 7 * 24 * 3600
PARALLEL = 8
"""Shards of one job that run at a time."""
_SEARCHED = 40
"""Parts that one search looks through."""


def estimate(ports: Ports, caller: Caller, request: GenerationRequest) -> Estimate:
    require(caller, Permission.GENERATION_READ)
    return _estimate(ports, caller, planning.plan(ports, caller, request))


def _estimate(ports: Ports, caller: Caller, plan: Plan) -> Estimate:
    if not plan.seed_data_id:
        return estimating.estimate(ports, plan, [Seed(0, 0, {name: f"<{name}>" for name in plan.required})])
    numbers = range(min(estimating.SAMPLES, plan.num_records, plan.seed_count))
    return estimating.estimate(ports, plan, list(seeding.seeds(ports.objects, caller.tenant_id, plan, numbers)))


def submit(
    ports: Ports, caller: Caller, request: GenerationRequest, *, job_id: str | None = None, cloned_from: str = ""
) -> Job:
    """A job of shards and exports, or a draft of one. With the `job_id` of an earlier submission, that one's job.

    Raises Invalid with all faults, also when the budget is too small for one record; BudgetReached or
    StorageFull when the organisation has no more money this month, or no room.
    """
    require(caller, Permission.GENERATION_WRITE)
    check_formats(request.formats, "output_format")
    storage.check_for(ports, caller)
    if request.start:
        budget.check(ports, caller.tenant_id)
    plan = planning.plan(ports, caller, request)
    expected = _estimate(ports, caller, plan)
    if request.cap < expected.smallest_cap:
        needed = f"{expected.smallest_cap / 1_000_000:.6f}".rstrip("0")
        raise Invalid("The job has faults.", [Fault("budget_limit", f"one record may cost {needed} USD: allow that")])
    job_id = job_id or ports.clock.new_id()
    plans.save(ports, caller.tenant_id, job_id, plan)
    try:
        ports.documents.transact(
            [
                *_creation(ports, caller, request, plan=plan, expected=expected.expected, job_id=job_id),
                _recorded(ports, caller, request, plan, job_id=job_id, cloned_from=cloned_from),
            ]
        )
    except ConditionFailed:
        return jobs.get_job(ports, caller, job_id)
    wake(ports, job_id, tenant_id=caller.tenant_id)
    return jobs.get_job(ports, caller, job_id)


def _creation(
    ports: Ports, caller: Caller, request: GenerationRequest, *, plan: Plan, expected: int, job_id: str
) -> list[Write]:
    name = request.name or plan.template_name
    parallel = min(PARALLEL, plan.shards)
    run = Run(
        cap=request.cap,
        free=request.cap,
        parallel=parallel,
        estimate=expected,
        started=request.start,
        seed_data_id=plan.seed_data_id,
        seed_count=plan.seed_count,
    )
    return [
        *builtin.creation(
            ports.clock,
            _orders(plan),
            job_id=job_id,
            tenant_id=caller.tenant_id,
            username=caller.email,
            kind=KIND,
            name=name,
            priority=request.priority,
            max_parallel=parallel,
            job_timeout=LONGEST,
            paused_by="" if request.start else caller.email,
            reason="" if request.start else "a draft: not started yet",
        ),
        store.put_run(job_id, run),
        *(store.put_shard(job_id, each, Shard(next=plan.bounds(each)[0])) for each in range(1, plan.shards + 1)),
        *(store.put_step(job_id, place, _nothing(step)) for place, step in enumerate(plan.steps)),
    ]


def _recorded(
    ports: Ports, caller: Caller, request: GenerationRequest, plan: Plan, *, job_id: str, cloned_from: str
) -> Write:
    after = {
        "name": request.name or plan.template_name,
        "kind": KIND,
        "records": plan.num_records,
        "budget": request.budget_limit,
    }
    if cloned_from:
        after["cloned_from"] = cloned_from
    return entry(ports.clock, caller, "job.clone" if cloned_from else "job.submit", f"job/{job_id}", after=after)


def _nothing(step: Any) -> StepCost:
    return StepCost(step_id=step.step_id, model=step.model, calls=0, input_tokens=0, output_tokens=0, cost=0)


def _orders(plan: Plan) -> list[OrderSpec]:
    shards = [
        OrderSpec(
            name=f"records {plan.bounds(each)[0] + 1}-{plan.bounds(each)[1]}",
            commands=(),
            timeout=LONGEST,
            action=GENERATE,
            settings={"shard": each},
        )
        for each in range(1, plan.shards + 1)
    ]
    exports = [
        OrderSpec(
            name=f"export {each}",
            commands=(),
            timeout=LONGEST,
            action=EXPORT,
            dependencies=tuple(range(1, plan.shards + 1)),
            run_when=RunWhen.ALL_DONE,
            settings={"format": each.value},
        )
        for each in plan.formats
    ]
    return [*shards, *exports]


def see(ports: Ports, caller: Caller, job_id: str) -> Generation:
    job, run = _found(ports, caller, job_id)
    plan = plans.load_with(ports, job.tenant_id, job_id, run)
    return Generation(
        job=job,
        plan=plan,
        progress=_progress(ports, job, run, plan),
        money=run.money,
        steps=store.load_steps(ports.documents, job_id),
        estimate=run.estimate,
        is_draft=not run.started,
        paused_by=job.paused_by,
        waiting=waiting.why(ports, job, plan) if run.started else "",
    )


def _found(ports: Ports, caller: Caller, job_id: str) -> tuple[Job, Run]:
    require(caller, Permission.GENERATION_READ)
    job = jobs.get_job(ports, caller, job_id)
    if job.kind != KIND:
        raise NotFound(f"Job {job_id} generates nothing.")
    return job, store.load_run(ports.documents, job_id)


def _progress(ports: Ports, job: Job, run: Run, plan: Plan) -> Progress:
    made = run.done + run.failed
    until = run.last_at if job.status.ended else ports.clock.now()
    seconds = (until - job.started_at).total_seconds() if until and job.started_at else 0
    rate = made / seconds if made and seconds > 0 else None
    open_ = rate and not job.status.ended and not job.paused_by
    return Progress(
        num_records=plan.num_records,
        done=run.done,
        failed=run.failed,
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        records_per_second=rate,
        eta_seconds=round((plan.num_records - made) / rate) if open_ and rate else None,
    )


def list_records(
    ports: Ports,
    caller: Caller,
    job_id: str,
    *,
    start: int = 0,
    limit: int = 50,
    text: str = "",
    failed: bool = False,
) -> RecordPage:
    """Those made so far, from number `start` on; only those that hold `text` in any case, or only failed ones."""
    _, run = _found(ports, caller, job_id)
    if failed and not run.failed:
        return RecordPage([], None)
    first = store.part_with(ports.documents, job_id, start)
    found: list[Record] = []
    searched = 0
    for part in store.parts(ports.documents, job_id, first=first):
        if searched == _SEARCHED:
            return RecordPage(found, part.first)
        if failed and not part.failed:
            continue
        searched += 1
        for record in _matching(ports, part, start, text.lower(), failed=failed):
            if len(found) == limit:
                return RecordPage(found, record.number)
            found.append(record)
    return RecordPage(found, None)


def _matching(ports: Ports, part: Part, start: int, text: str, *, failed: bool) -> Iterator[Record]:
    for row in parts.read_rows(ports.objects, part.object):
        if row["number"] < start or (failed and not row["error"]):
            continue
        if not text or any(text in str(each).lower() for each in _searched(row)):
            yield Record(**row)


def _searched(row: dict[str, Any]) -> Sequence[Any]:
    return [*row["columns"].values(), *row["outputs"].values(), row["error"]]


def pause(ports: Ports, caller: Caller, job_id: str) -> Job:
    """What is being made is finished and kept."""
    require(caller, Permission.GENERATION_WRITE)
    _found(ports, caller, job_id)
    return jobs.pause(ports, caller, job_id)


def resume(ports: Ports, caller: Caller, job_id: str) -> Job:
    """Of a draft: its start. What a used-up month of the organisation has ended goes on too."""
    require(caller, Permission.GENERATION_WRITE)
    job, run = _found(ports, caller, job_id)
    if not run.seed_data_id:
        raise Conflict("The draft has no seed data yet.")
    budget.check(ports, caller.tenant_id)
    if not run.started:
        ports.documents.transact([Update(store.run_key(job_id), set={"started": True})])
    if job.status is JobStatus.BUDGET_EXCEEDED:
        return jobs.retry(ports, caller, job_id)
    return jobs.resume(ports, caller, job_id)


def set_budget(ports: Ports, caller: Caller, job_id: str, budget_limit: float) -> Job:
    """A new cap, not below what is spent and reserved. A job that ended for want of money goes on."""
    require(caller, Permission.GENERATION_WRITE)
    cap = to_micro(budget_limit)
    job, run = _found(ports, caller, job_id)
    if cap < run.spent + run.reserved:
        raise Conflict("More than that is spent or reserved already.")
    if job.status is JobStatus.BUDGET_EXCEEDED:
        budget.check(ports, caller.tenant_id)
    before, after = {"budget": run.cap}, {"budget": cap}
    recorded = entry(ports.clock, caller, "job.set_budget", f"job/{job_id}", before=before, after=after)
    more = cap - run.cap
    same: list[Condition] = [FieldIs("cap", run.cap), FieldAtLeast("free", max(0, -more))]
    change = Update(store.run_key(job_id), set={"cap": cap}, add={"free": more}, conditions=same)
    try:
        ports.documents.transact([change, recorded])
    except ConditionFailed:
        raise Conflict("The job's money changed just now; try again.") from None
    if job.status is JobStatus.BUDGET_EXCEEDED and cap > run.cap:
        return jobs.retry(ports, caller, job_id)
    return job


def set_seed_data(ports: Ports, caller: Caller, job_id: str, seed_data_id: str) -> Job:
    """Of a draft."""
    require(caller, Permission.GENERATION_WRITE)
    job, run = _found(ports, caller, job_id)
    if run.started:
        raise Conflict("Only a draft can get other seed data.")
    found = seed_data.get_seed_data(ports, caller, seed_data_id)
    plan = plans.load_with(ports, job.tenant_id, job_id, run)
    if faults := planning.seed_faults(Variables(required=plan.required), found):
        raise Invalid("The seed data does not fit the template.", faults)
    change = {"seed_data_id": seed_data_id, "seed_count": found.record_count}
    recorded = entry(ports.clock, caller, "job.set_seed_data", f"job/{job_id}", after=change)
    update = Update(store.run_key(job_id), set=change, conditions=[FieldIs("started", value=False)])
    try:
        ports.documents.transact([update, recorded])
    except ConditionFailed:
        raise Conflict("Only a draft can get other seed data.") from None
    return job


def retry_failed_records(ports: Ports, caller: Caller, job_id: str) -> Job:
    """Make those again that failed, and the exports after them; the rest stays as it is."""
    require(caller, Permission.GENERATION_WRITE)
    job, run = _found(ports, caller, job_id)
    if not run.failed:
        raise Conflict("No record of the job has failed.")
    if not job.status.ended:
        raise Conflict(f"The job is {job.status}; its failed records can be retried once it has ended.")
    budget.check(ports, caller.tenant_id)
    ports.documents.transact([Update(store.run_key(job_id), add={"round": 1})])
    plan = plans.load_with(ports, job.tenant_id, job_id, run)
    return jobs.retry(ports, caller, job_id, roots=_with_failures(ports, job_id, plan))


def _with_failures(ports: Ports, job_id: str, plan: Plan) -> list[int]:
    """Orders of shards that have failed records, or are not finished."""
    found = set()
    for part in store.parts(ports.documents, job_id):
        if part.failed:
            found.add(_shard_of(plan, part.first))
    unfinished = {
        each
        for each in range(1, plan.shards + 1)
        if store.load_shard(ports.documents, job_id, each).next < plan.bounds(each)[1]
    }
    return sorted(found | unfinished)


def _shard_of(plan: Plan, number: int) -> int:
    return next(each for each in range(1, plan.shards + 1) if number < plan.bounds(each)[1])


def get_quality(ports: Ports, caller: Caller, job_id: str) -> Quality:
    """Over a sample of what is there."""
    _found(ports, caller, job_id)
    found = list(store.parts(ports.documents, job_id))
    step = max(1, len(found) // quality.SAMPLED_PARTS)
    rows = (row for part in found[::step] for row in parts.read_rows(ports.objects, part.object))
    measured = quality.measure(list(islice((row for row in rows if not row["error"]), quality.SAMPLED)))
    return replace(measured, scored=scoring.summary(ports, job_id))
