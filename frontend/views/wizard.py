"""A generation while somebody puts it together. All of it stands in the address, so that nothing is lost on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.generation.jobs.model import Division, Estimate, Format, Generation, StepEstimate
from frontend.views.charts import length
from frontend.views.money import SAFETY, rounded, typed_usd, usd
from frontend.views.template import TIER

FORMATS = (
    (Format.JSONL, "JSONL", "one JSON object a line"),
    (Format.CSV, "CSV", "for spreadsheets"),
    (Format.PARQUET, "Parquet", "for data frames and warehouses"),
    (Format.CHAT, "Chat JSONL", "conversations, for fine-tuning"),
)
PARTITIONS = (
    ("", "One file"),
    (Division.SPLIT.value, "A train and a test file"),
    (Division.DATE.value, "A file for each day"),
)
MODEL, COLUMN = "model-", "column:"
MOST_COLUMNS = 50
STAGES = ("Template", "Seed data", "Size and budget", "Preview and submit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """As it was typed. `models` are by step: empty, `tier:2` or a model's name."""

    template: str = ""
    version: str = ""
    seeds: str = ""
    records: str = ""
    budget: str = ""
    formats: tuple[str, ...] = (Format.JSONL.value,)
    partition: str = ""
    shuffle: str = ""
    name: str = ""
    models: Mapping[str, str] = field(default_factory=dict)

    def query(self, **changes: object) -> dict[str, object]:
        """What an address carries of it."""
        known = {name: getattr(self, name) for name in TYPED}
        models = {f"{MODEL}{step}": value for step, value in self.models.items()}
        return {**known, "formats": ",".join(self.formats), **models, **changes}


def choices_of(found: Generation) -> Choices:
    """A job as somebody would put it together again."""
    plan = found.plan
    partition = plan.partition.by.value if plan.partition else ""
    return Choices(
        template=plan.template_id,
        version=str(plan.template_version),
        seeds=plan.seed_data_id,
        records=str(plan.num_records),
        budget=typed_usd(found.money.cap),
        formats=tuple(each.value for each in plan.formats),
        partition=f"{COLUMN}{plan.partition.column}" if plan.partition and plan.partition.column else partition,
        shuffle="" if plan.shuffle is None else str(plan.shuffle),
        name="" if found.job.name == plan.template_name else found.job.name,
        models={step.step_id: step.model for step in plan.steps},
    )


def partitions(columns: Iterable[str]) -> list[tuple[str, str]]:
    """What a select offers; a file for each value of a column for those whose names are known."""
    return [*PARTITIONS, *((f"{COLUMN}{each}", f"A file for each {each}") for each in list(columns)[:MOST_COLUMNS])]


def partition_of(choice: str) -> dict[str, str] | None:
    """As a request names it; what no select offers is left for it to refuse."""
    if choice.startswith(COLUMN):
        return {"by": Division.COLUMN.value, "column": choice.removeprefix(COLUMN)}
    return {"by": choice} if choice else None


TYPED = ("template", "version", "seeds", "records", "budget", "partition", "shuffle", "name")


def read_choices(given: Mapping[str, Sequence[str]]) -> Choices:
    """From a query or a form. Formats come as boxes that were ticked, or joined in a link."""
    first = {name: values[0].strip() for name, values in given.items() if values}
    formats = _formats([*given.get("format", ()), *given.get("formats", ())])
    models = {name.removeprefix(MODEL): value for name, value in first.items() if name.startswith(MODEL)}
    return Choices(
        template=first.get("template", ""),
        version=first.get("version", ""),
        seeds=first.get("seeds", ""),
        records=first.get("records", ""),
        budget=first.get("budget", ""),
        formats=formats or (Format.JSONL.value,),
        partition=first.get("partition", ""),
        shuffle=first.get("shuffle", ""),
        name=first.get("name", ""),
        models=models,
    )


def _formats(values: Iterable[str]) -> tuple[str, ...]:
    named = {each for value in values for each in value.split(",")}
    return tuple(each.value for each in Format if each.value in named)


@dataclass(frozen=True, slots=True)
class StepLine:
    step_id: str
    model: str
    tokens: str
    expected: str
    worst: str
    width: int
    worst_width: int


@dataclass(frozen=True, slots=True)
class EstimateView:
    """`verdict` says whether the budget will do; its tone is a notice's."""

    expected: str
    worst: str
    smallest: str
    per_record: str
    steps: Sequence[StepLine]
    suggestion: str
    verdict: str
    tone: str
    samples: Sequence[Any]
    price_version: str


def estimate_view(found: Estimate, budget: int | None) -> EstimateView:
    longest = max((each.worst for each in found.steps), default=0)
    verdict, tone = _verdict(found, budget)
    return EstimateView(
        expected=usd(found.expected),
        worst=usd(found.worst),
        smallest=usd(found.smallest_cap),
        per_record=usd(-(-found.expected // max(found.num_records, 1))),
        steps=[_step_line(each, longest) for each in found.steps],
        suggestion=usd(suggested_budget(found)),
        verdict=verdict,
        tone=tone,
        samples=found.samples,
        price_version=found.price_version,
    )


def _step_line(step: StepEstimate, longest: int) -> StepLine:
    tokens = f"{step.expected_input:,} in, {step.expected_output:,} out"
    expected, worst = length(step.expected, longest), length(step.worst, longest)
    return StepLine(step.step_id, step.model, tokens, usd(step.expected), usd(step.worst), expected, worst)


def suggested_budget(found: Estimate) -> int:
    """Some more than expected, enough for one record at worst, and no odd fractions of a cent."""
    return rounded(max(min(found.expected * SAFETY // 100, found.worst), found.smallest_cap))


def _verdict(found: Estimate, budget: int | None) -> tuple[str, str]:
    if budget is None:
        return "", ""
    if budget < found.smallest_cap:
        return f"Too small: one record may need {usd(found.smallest_cap)} at worst.", "fail"
    if budget < found.expected:
        likely = found.num_records * budget // max(found.expected, 1)
        return f"It will probably stop after about {likely:,} of {found.num_records:,} records.", "warn"
    if budget < found.worst:
        return (
            "Enough for what is expected. If answers come out long, it stops at the budget and keeps what it made.",
            "ok",
        )
    return "Enough even if every answer is as long as it may be.", "ok"


def model_of(choice: str) -> tuple[str | None, int | None]:
    """(model, tier) of what a select holds."""
    if choice.startswith(TIER):
        text = choice.removeprefix(TIER)
        return None, int(text) if text.isdigit() else None
    return choice or None, None
