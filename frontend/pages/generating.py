"""Putting a generation together: template, seed data, size and budget, preview, submit."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Conflict, Invalid, MillraceError, NotFound
from chalicelib.exchange import Answer
from chalicelib.generation.jobs import operations
from chalicelib.generation.jobs.model import MILLION, Estimate
from chalicelib.generation.jobs.request import GenerationRequest, parse_generation
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.seeds.model import LARGEST, SeedData, SeedStatus
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.model import Step, Version
from chalicelib.generation.templates.operations import Scope
from frontend.door import PagesDoor
from frontend.pages.models import model_choices
from frontend.views import template as template_views
from frontend.views import wizard
from frontend.views.money import micro_of, typed_usd, usd
from frontend.views.template import TIER, ShownStep
from frontend.views.wizard import Choices
from frontend.views.words import count
from frontend.visit import Pages, Visit

generating = Pages(__name__, PagesDoor())

CHEAPEST = f"{TIER}1"
"""What makes the steps that name no model, unless one is chosen."""
CHOSEN_FROM = 50
PREVIEWED = 3
TEMPLATE, SEEDS, SIZE, REVIEW = 1, 2, 3, 4
DRAFT = "0"
"""What the button that starts nothing says."""
LEADS = (
    "Choose what to make: each seed record fills a template once.",
    "Choose the records that fill the template.",
    "Say how many records, with which models, for how much at most.",
    "Look at what you will get, then submit.",
)
ASSUMED_BUDGET = "1"
"""Dollars, where an estimate is asked for before a budget was named; the estimate does not depend on it."""


@generating.page("/generate", permission=Permission.GENERATION_WRITE)
def generate(visit: Visit) -> Answer:
    choices = wizard.read_choices(visit.request.query)
    if not choices.template:
        return _templates_page(visit, choices)
    if not choices.seeds:
        return _seeds_page(visit, choices)
    return _late_page(visit, choices, REVIEW if visit.request.first("stage") == str(REVIEW) else SIZE)


@generating.page("/generate", methods=("POST",), permission=Permission.GENERATION_WRITE)
def submit(visit: Visit) -> Answer:
    choices = wizard.read_choices(visit.form.fields)
    try:
        request = _request(visit, choices).model_copy(update={"start": visit.form.text("start") != DRAFT})
        job = operations.submit(visit.ports, visit.caller, request)
    except Invalid as error:
        return _late_page(visit, choices, SIZE, error)
    return visit.go_to(f"/jobs/{job.job_id}/dataset")


@generating.page("/generate/preview", methods=("POST",), permission=Permission.GENERATION_WRITE)
def preview(visit: Visit) -> Answer:
    choices = wizard.read_choices(visit.form.fields)
    try:
        previews = _previews(visit, choices, _request(visit, choices))
    except (Invalid, Conflict) as error:
        return _late_page(visit, choices, SIZE, error)
    return _late_page(visit, choices, REVIEW, previews=previews)


def _previews(visit: Visit, choices: Choices, request: GenerationRequest) -> list[list[ShownStep]]:
    """What comes of the first seeds, for no more than as many records may cost at worst."""
    left = operations.estimate(visit.ports, visit.caller, request).smallest_cap * PREVIEWED
    made = []
    for number, record in enumerate(seeds.first_records(visit.ports, visit.caller, choices.seeds, count=PREVIEWED)):
        steps = templates.try_out(
            visit.ports,
            visit.caller,
            choices.template,
            record,
            number=request.template_version,
            seed=number,
            real=True,
            budget=left,
            models=request.models,
        )
        left -= sum(step.cost for step in steps)
        made.append(template_views.shown_steps(steps))
    return made


def _templates_page(visit: Visit, choices: Choices) -> Answer:
    pages = [templates.list_templates(visit.ports, visit.caller, scope=scope, limit=CHOSEN_FROM) for scope in Scope]
    cards = [template_views.card(each, visit.caller) for page in pages for each in page.items]
    return _page(visit, choices, TEMPLATE, cards=cards)


def _seeds_page(visit: Visit, choices: Choices) -> Answer:
    version = _version(visit, choices)
    page = seeds.list_seed_data(visit.ports, visit.caller, limit=CHOSEN_FROM)
    ready = [each for each in page.items if each.status is SeedStatus.READY]
    lines = [(each, seeds.missing(version.variables, each)) for each in ready]
    return _page(
        visit,
        choices,
        SEEDS,
        template=version,
        variables=template_views.shown_variables(version.variables),
        lines=sorted(lines, key=lambda line: bool(line[1])),
        most=LARGEST,
        here_url=visit.url("/generate", **choices.query()).removeprefix(visit.request.base),
    )


def _late_page(
    visit: Visit,
    choices: Choices,
    stage: int,
    error: MillraceError | None = None,
    previews: Sequence[Sequence[ShownStep]] = (),
) -> Answer:
    """Size and budget, or the review: both show the estimate."""
    version = _version(visit, choices)
    given = seeds.get_seed_data(visit.ports, visit.caller, choices.seeds)
    choices = replace(choices, records=choices.records or str(given.record_count))
    found, trouble = _estimate(visit, choices)
    if found and not choices.budget:
        choices = replace(choices, budget=typed_usd(wizard.suggested_budget(found)))
    stage = SIZE if trouble else stage
    return _page(
        visit,
        choices,
        stage,
        error,
        template=version,
        models=model_choices(visit, unset="As the template says"),
        steps=[_step_choice(step, choices) for step in version.steps],
        seeds_words=_seeds_words(given, seeds.missing(version.variables, given)),
        formats=wizard.FORMATS,
        partitions=wizard.partitions(given.fields),
        estimate=wizard.estimate_view(found, micro_of(choices.budget)) if found else None,
        trouble=trouble,
        previews=previews,
        preview_words=_preview_words(found),
        summary=_summary(choices, version, given, _models(visit, version.steps, choices)),
        number=_whole(choices.records) or 0,
    )


def _version(visit: Visit, choices: Choices) -> Version:
    number = _whole(choices.version)
    if choices.version and number is None:
        raise NotFound(f"There is no version {choices.version[:20]}.")
    return templates.get_version(visit.ports, visit.caller, choices.template, number)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000000") else None


def _estimate(visit: Visit, choices: Choices) -> tuple[Estimate | None, Invalid | None]:
    """The estimate, or why there is none yet."""
    asked = choices if choices.budget else replace(choices, budget=ASSUMED_BUDGET)
    try:
        return operations.estimate(visit.ports, visit.caller, _request(visit, asked)), None
    except Invalid as error:
        return None, error


def _request(visit: Visit, choices: Choices) -> GenerationRequest:
    """Raises Invalid with every fault, at the words of the form."""
    data: dict[str, Any] = {
        "template_id": choices.template,
        "seed_data_id": choices.seeds,
        "num_records": _whole(choices.records) or choices.records,
        "budget_limit": _dollars(choices.budget),
        "output_format": list(choices.formats),
        "models": _models(visit, _version(visit, choices).steps, choices),
        "partition": wizard.partition_of(choices.partition),
        "shuffle": _number(choices.shuffle),
        "name": choices.name or None,
        "template_version": _whole(choices.version),
    }
    return parse_generation(data)


def _number(text: str) -> int | str | None:
    """Left as text when it is none, which the request then finds at fault."""
    number = _whole(text)
    return (text or None) if number is None else number


def _dollars(text: str) -> float | str:
    """Left as text when it is no amount, which the request then finds at fault."""
    micro = micro_of(text)
    return text if micro is None else micro / MILLION


def _models(visit: Visit, steps: tuple[Step, ...], choices: Choices) -> dict[str, str]:
    """Models by step, for those that the template leaves open or that were chosen otherwise."""
    chosen: dict[str, str] = {}
    for step in steps:
        choice = _choice_of(step, choices)
        model, tier = wizard.model_of(choice)
        if tier:
            chosen[step.step_id] = visit.ports.prices.model_of_tier(tier, visit.ports.llm)
        elif model:
            chosen[step.step_id] = model
    return chosen


def _choice_of(step: Step, choices: Choices) -> str:
    open_ = not step.model and not step.tier
    return choices.models.get(step.step_id, "") or (CHEAPEST if open_ else "")


def _step_choice(step: Step, choices: Choices) -> tuple[str, str, str]:
    says = step.model or (f"tier {step.tier}" if step.tier else "")
    return step.step_id, _choice_of(step, choices), f"(the template says {says})" if says else ""


def _seeds_words(given: SeedData, missing: list[str]) -> str:
    words = f"{given.name} has {count(given.record_count, 'record')}; with more than that they are used again in turn."
    return f"{words} It has no {', '.join(missing)}, which the template needs." if missing else words


def _preview_words(found: Estimate | None) -> str:
    if found is None:
        return "little"
    expected = -(-found.expected * PREVIEWED // max(found.num_records, 1))
    return f"about {usd(expected)}, {usd(found.smallest_cap * PREVIEWED)} at most,"


def _summary(choices: Choices, version: Version, given: SeedData, models: dict[str, str]) -> list[tuple[str, str]]:
    words = {each.value: name for each, name, _ in wizard.FORMATS}
    return [
        ("Template", f"{version.name}, version {version.number}"),
        ("Seed data", f"{given.name}, {count(given.record_count, 'record')}"),
        ("Records", f"{_whole(choices.records) or 0:,}"),
        ("Budget", usd(micro_of(choices.budget) or 0)),
        *((f"Model of {step}", model) for step, model in models.items()),
        ("Formats", ", ".join(words[each] for each in choices.formats)),
    ]


def _page(visit: Visit, choices: Choices, stage: int, error: MillraceError | None = None, **context: Any) -> Answer:
    return visit.page(
        "generate.html",
        status=400 if error else 200,
        choices=choices,
        stage=stage,
        stages=wizard.STAGES,
        lead=LEADS[stage - 1],
        back=_ways_back(visit, choices),
        fault=error.detail if error else "",
        faults=error.faults if isinstance(error, Invalid) else (),
        **context,
    )


def _ways_back(visit: Visit, choices: Choices) -> list[str]:
    """The address of each stage, which keeps what was typed."""
    none = {"template": "", "version": ""}
    return [
        visit.url("/generate", **choices.query(**none)),
        visit.url("/generate", **choices.query(seeds="")),
        visit.url("/generate", **choices.query()),
    ]
