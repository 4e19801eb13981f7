"""From a request to the plan of a run: which models, which seeds, how many shards."""

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.accounts.model import Caller
from chalicelib.errors import Fault, Invalid, MillraceError
from chalicelib.generation.jobs.model import Plan
from chalicelib.generation.jobs.request import GenerationRequest
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.seeds.model import SeedData, SeedStatus
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.model import Step, Variables, Version
from chalicelib.wiring import Ports

RECORDS_PER_SHARD = 500
MOST_SHARDS = 32
"""So many shards, their state and the exports fit into one transaction."""
DEFAULT_TIER = 1


def plan(ports: Ports, caller: Caller, request: GenerationRequest) -> Plan:
    """Raises Invalid with all faults, NotFound for what the caller may not read."""
    number = request.template_version or templates.get_template(ports, caller, request.template_id).version
    version, program = templates.load_program(ports, caller.tenant_id, request.template_id, number)
    seed_data = seeds.get_seed_data(ports, caller, request.seed_data_id) if request.seed_data_id else None
    steps, faults = _steps(ports, request, version)
    if seed_data:
        faults += seed_faults(version.variables, seed_data)
    if faults:
        raise Invalid("The job has faults.", faults)
    return Plan(
        template_id=request.template_id,
        template_version=number,
        template_name=version.name,
        seed_data_id=request.seed_data_id or "",
        seed_count=seed_data.record_count if seed_data else 0,
        num_records=request.num_records,
        shards=min(MOST_SHARDS, -(-request.num_records // RECORDS_PER_SHARD)),
        formats=request.formats,
        partition=request.partition.to_partition() if request.partition else None,
        steps=steps,
        program=program,
        username=caller.email,
        price_version=ports.prices.version,
        shuffle=request.shuffle,
        required=version.variables.required,
    )


def seed_faults(variables: Variables, seed_data: SeedData) -> list[Fault]:
    if seed_data.status is not SeedStatus.READY or not seed_data.record_count:
        return [Fault("seed_data_id", f"the seed data is {seed_data.status} and cannot be used")]
    missing = seeds.missing(variables, seed_data)
    return [Fault("seed_data_id", f"has no field for {', '.join(missing[:10])}")] if missing else []


def _steps(ports: Ports, request: GenerationRequest, version: Version) -> tuple[tuple[Step, ...], list[Fault]]:
    known = {step.step_id for step in version.steps}
    faults = [Fault(f"models.{name}", "is no step of the template") for name in sorted(request.models.keys() - known)]
    steps = []
    for index, step in enumerate(version.steps):
        try:
            steps.append(replace(step, model=_model(ports, request, step), tier=0))
        except MillraceError as error:
            place = f"models.{step.step_id}" if step.step_id in request.models else f"steps[{index}].model"
            faults.append(Fault(place, error.detail))
    return tuple(steps), faults


def _model(ports: Ports, request: GenerationRequest, step: Step) -> str:
    """The job's choice for the step, the step's own, or the job's for all. Raises UnknownPrice."""
    named = request.models.get(step.step_id) or step.model
    tier = step.tier
    if not named and not tier:
        named, tier = request.model or "", request.model_tier or DEFAULT_TIER
    model = named or ports.prices.model_of_tier(tier, ports.llm)
    ports.prices.of(model)
    if not ports.llm.offers(model):
        raise Invalid(f"`{model[:100]}` cannot be reached from here.")
    return model


def models_of(plan: Plan) -> Mapping[str, str]:
    return {step.step_id: step.model for step in plan.steps}
