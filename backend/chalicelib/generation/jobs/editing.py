"""What PATCH can change of a job, of whatever kind it is."""

from typing import Literal

from chalicelib.accounts.model import Caller
from chalicelib.generation.jobs import operations
from chalicelib.generation.jobs.model import KIND
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.model import Job
from chalicelib.wiring import Ports

Wanted = Literal["cancelled", "paused", "running"]


def edit(
    ports: Ports,
    caller: Caller,
    job_id: str,
    *,
    status: Wanted | None = None,
    budget_limit: float | None = None,
    seed_data_id: str | None = None,
) -> Job:
    """Seed data first, then money, then the status. Raises Conflict for what the job's state does not allow."""
    job = jobs.get_job(ports, caller, job_id)
    if seed_data_id is not None:
        job = operations.set_seed_data(ports, caller, job_id, seed_data_id)
    if budget_limit is not None:
        job = operations.set_budget(ports, caller, job_id, budget_limit)
    match status:
        case "cancelled":
            return jobs.cancel(ports, caller, job_id)
        case "paused":
            return jobs.pause(ports, caller, job_id)
        case "running" if job.kind == KIND:
            return operations.resume(ports, caller, job_id)
        case "running":
            return jobs.resume(ports, caller, job_id)
    return job
