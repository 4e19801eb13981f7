"""Submitting a job again with changes, of whatever kind it is."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.accounts.model import Caller
from chalicelib.generation.jobs import operations
from chalicelib.generation.jobs.model import KIND, MILLION, Generation
from chalicelib.generation.jobs.request import parse_generation
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.model import Job
from chalicelib.wiring import Ports


def clone(
    ports: Ports, caller: Caller, job_id: str, changes: Mapping[str, Any], *, new_job_id: str | None = None
) -> Job:
    """Raises Invalid with all faults, and Conflict for a job that Millrace made itself."""
    if jobs.get_job(ports, caller, job_id).kind != KIND:
        return jobs.clone(ports, caller, job_id, changes, new_job_id=new_job_id)
    found = operations.see(ports, caller, job_id)
    request = parse_generation({**_carried_over(found, changes), **changes})
    return operations.submit(ports, caller, request, job_id=new_job_id, cloned_from=job_id)


def as_submission(found: Generation) -> dict[str, Any]:
    """The job as a submission again: with the version and the models that it has, and never as a draft."""
    plan = found.plan
    partition = {**asdict(plan.partition), "by": plan.partition.by.value} if plan.partition else None
    return {
        "template_id": plan.template_id,
        "template_version": plan.template_version,
        "seed_data_id": plan.seed_data_id or None,
        "budget_limit": found.money.cap / MILLION,
        "num_records": plan.num_records,
        "output_format": [each.value for each in plan.formats],
        "models": {step.step_id: step.model for step in plan.steps},
        "name": found.job.name,
        "priority": found.job.priority,
        "partition": partition,
        "shuffle": plan.shuffle,
    }


def _carried_over(found: Generation, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Without what would contradict the changes: another template has other versions and other steps."""
    kept = as_submission(found)
    if "template_id" in changes:
        del kept["template_version"]
    if {"template_id", "template_version", "model", "model_tier"} & changes.keys():
        del kept["models"]
    return kept
