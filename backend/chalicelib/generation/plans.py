"""The plan of a run, kept as an object: prompts may be larger than a document. Its seed data is in the run's document,
where that of a draft can still change."""

from dataclasses import asdict, replace

import orjson

from chalicelib.generation import store
from chalicelib.generation.jobs.model import Division, Format, Partition, Plan
from chalicelib.generation.parts import folder
from chalicelib.generation.store import Run
from chalicelib.generation.templates.model import Program, Step
from chalicelib.wiring import Ports


def save(ports: Ports, tenant_id: str, job_id: str, plan: Plan) -> None:
    ports.objects.put(_key(tenant_id, job_id), orjson.dumps(asdict(plan)), replace=True)


def load(ports: Ports, tenant_id: str, job_id: str) -> Plan:
    """Raises NotFound."""
    return load_with(ports, tenant_id, job_id, store.load_run(ports.documents, job_id))


def load_with(ports: Ports, tenant_id: str, job_id: str, run: Run) -> Plan:
    body = orjson.loads(ports.objects.get(_key(tenant_id, job_id)))
    given = body["partition"]
    plan = Plan(
        **{
            **body,
            "formats": tuple(map(Format, body["formats"])),
            "partition": Partition(**{**given, "by": Division(given["by"])}) if given else None,
            "steps": tuple(Step(**each) for each in body["steps"]),
            "required": tuple(body["required"]),
            "program": Program(**body["program"]),
        }
    )
    return replace(plan, seed_data_id=run.seed_data_id, seed_count=run.seed_count)


def _key(tenant_id: str, job_id: str) -> str:
    return f"{folder(tenant_id, job_id)}plan.json"
