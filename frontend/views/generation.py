"""What the pages show of a generation job."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from chalicelib.generation.jobs.model import (
    ExportFile,
    Generation,
    Lengths,
    Money,
    Progress,
    Quality,
    Record,
    Scored,
    StepCost,
)
from chalicelib.jobs.model import JobStatus
from frontend.views.charts import WIDTH, Meter, length, meter
from frontend.views.job import Segment, reason
from frontend.views.money import SAFETY, rounded, share, usd
from frontend.views.seeds import Cell, cell
from frontend.views.words import Look, ago, count, duration, job_look, shorten, size

PAUSED = Look("Paused", "stop", "stop")
DRAFT = Look("Draft", "wait", "wait")
LONGEST_ERROR = 160
SLOW = 1
"""Records a second below which the rate is said by the minute."""


@dataclass(frozen=True, slots=True)
class StepRow:
    step_id: str
    model: str
    calls: str
    input_tokens: str
    output_tokens: str
    cost: str
    width: int


@dataclass(frozen=True, slots=True)
class GenerationPage:
    """`expected` is None for a job whose estimate is not known. `due` says when it will be done, as far as known."""

    look: Look
    sentence: str
    segments: Sequence[Segment]
    progress: str
    due: str
    gauge: Meter
    steps: Sequence[StepRow]
    compared: str
    running: bool
    paused: bool
    over_budget: bool
    over_month: bool
    per_record: str


def generation_page(found: Generation) -> GenerationPage:
    job, money, progress = found.job, found.money, found.progress
    paused = bool(found.paused_by) and not job.status.ended
    return GenerationPage(
        look=look_of(found),
        sentence=_sentence(found, paused=paused),
        segments=_segments(progress),
        progress=f"{progress.done:,} of {count(progress.num_records, 'record')}",
        due=_due(progress) if job.status is JobStatus.RUNNING and not paused else "",
        gauge=meter(spent=money.spent, reserved=money.reserved, cap=money.cap, expected=found.estimate or None),
        steps=_step_rows(found.steps),
        compared=_compared(found) if job.status.ended else "",
        running=not job.status.ended,
        paused=paused,
        over_budget=job.status is JobStatus.BUDGET_EXCEEDED and not found.waiting,
        over_month=job.status is JobStatus.BUDGET_EXCEEDED and bool(found.waiting),
        per_record=usd(_per_record(money, progress)) if progress.done else "",
    )


def look_of(found: Generation) -> Look:
    if found.is_draft:
        return DRAFT
    if found.paused_by and not found.job.status.ended:
        return PAUSED
    return job_look(found.job.status, found.job.warnings)


def _sentence(found: Generation, *, paused: bool) -> str:
    made = f"{found.progress.done:,} of {count(found.progress.num_records, 'record')} made"
    if found.is_draft:
        return "It waits to be started." if found.plan.seed_data_id else "It waits for its seed data."
    if paused:
        return f"Paused by {found.paused_by}; {made}."
    return _sentence_of_ended(found, made) if found.job.status.ended else _sentence_of_open(found, made)


def _sentence_of_open(found: Generation, made: str) -> str:
    if found.job.status is JobStatus.RUNNING and found.job.cancel_requested_by:
        return f"It is being cancelled; {made} so far, and they are kept."
    if found.waiting:
        return f"{made} so far. {found.waiting[0].upper()}{found.waiting[1:]}."
    if found.progress.done:
        return f"{made} so far."
    return "About to begin." if found.job.status is JobStatus.QUEUED else "The first records are being made."


def _sentence_of_ended(found: Generation, made: str) -> str:
    job = found.job
    if job.status is JobStatus.BUDGET_EXCEEDED:
        at = "" if found.waiting else f" at its budget of {usd(found.money.cap)}"
        return f"Stopped{at}: {made}, and they are kept."
    why = f" {reason(job.reason).capitalize()}." if job.reason and job.status is not JobStatus.SUCCEEDED else ""
    return f"{made}, for {usd(found.money.spent)}.{why}"


def _segments(progress: Progress) -> list[Segment]:
    whole = max(progress.num_records, 1)
    done, failed = length(progress.done, whole), length(progress.failed, whole)
    open_ = progress.num_records - progress.done - progress.failed
    parts = [
        Segment(0, done, "ok", "ok", f"{progress.done:,} made"),
        Segment(done, failed, "fail", "fail", f"{progress.failed:,} failed"),
        Segment(done + failed, max(WIDTH - done - failed, 0), "wait", "wait", f"{open_:,} to come"),
    ]
    return [part for part, number in zip(parts, (progress.done, progress.failed, open_), strict=True) if number]


def _due(progress: Progress) -> str:
    if progress.records_per_second is None or progress.eta_seconds is None:
        return "How long it takes is known after the first records."
    rate = progress.records_per_second
    speed = f"{rate:,.1f} records a second" if rate >= SLOW else f"{rate * 60:,.1f} records a minute"
    return f"About {duration(progress.eta_seconds)} to go, at {speed}."


def _per_record(money: Money, progress: Progress) -> int:
    return -(-money.spent // max(progress.done, 1))


def _compared(found: Generation) -> str:
    if not found.estimate:
        return ""
    if not found.progress.done:
        return f"The estimate for all of it was {usd(found.estimate)}."
    planned = found.estimate * found.progress.done // max(found.progress.num_records, 1)
    off = found.money.spent - planned
    word = "more" if off > 0 else "less"
    return f"{share(abs(off), max(planned, 1))} {word} than estimated for so many records ({usd(planned)})."


def _step_rows(steps: Sequence[StepCost]) -> list[StepRow]:
    longest = max((each.cost for each in steps), default=0)
    return [
        StepRow(
            step_id=each.step_id,
            model=each.model,
            calls=f"{each.calls:,}",
            input_tokens=f"{each.input_tokens:,}",
            output_tokens=f"{each.output_tokens:,}",
            cost=usd(each.cost),
            width=length(each.cost, longest),
        )
        for each in steps
    ]


def missing_cost(found: Generation) -> int:
    """What the records that are not there yet may cost, as those before them did (or were expected to)."""
    progress = found.progress
    left = progress.num_records - progress.done - progress.failed
    if not progress.done:
        return found.estimate * left // max(progress.num_records, 1)
    return found.money.spent * left // progress.done


def next_budget(found: Generation) -> int:
    """A new cap that should do, in whole cents. While a job runs it stays what it is: somebody may be typing."""
    money = found.money
    if not found.job.status.ended:
        return money.cap
    return rounded(max(money.spent + money.reserved + missing_cost(found) * SAFETY // 100, money.cap))


@dataclass(frozen=True, slots=True)
class Download:
    name: str
    href: str
    about: str


def downloads(files: Sequence[ExportFile], jobs_url: str, now: datetime) -> list[Download]:
    return [
        Download(
            name=each.path,
            href=f"{jobs_url}{each.job_id}/orders/{each.order_num}/files/{quote(each.path, safe='')}",
            about=size(each.size) + (f", {ago(each.made_at, now)}" if each.made_at else ""),
        )
        for each in files
    ]


@dataclass(frozen=True, slots=True)
class RecordRow:
    number: int
    cells: Sequence[Cell]
    error: str
    model: str
    tokens: str
    cost: str


@dataclass(frozen=True, slots=True)
class RecordSheet:
    """`fields` are the columns of any of the records, seeds first."""

    fields: Sequence[str]
    rows: Sequence[RecordRow]


def record_sheet(records: Sequence[Record]) -> RecordSheet:
    seeds = dict.fromkeys(name for each in records for name in each.columns)
    fields = list(seeds | dict.fromkeys(name for each in records for name in each.outputs))
    return RecordSheet(fields, [_record_row(each, fields) for each in records])


def _record_row(record: Record, fields: Sequence[str]) -> RecordRow:
    values = {**record.columns, **record.outputs}
    return RecordRow(
        number=record.number + 1,
        cells=[cell(values.get(name)) for name in fields],
        error=record.error,
        model=record.model,
        tokens=f"{record.tokens:,}",
        cost=usd(record.cost),
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why records failed, and how many of those looked at."""

    words: str
    number: int


def reasons(records: Sequence[Record]) -> list[Reason]:
    counted = Counter(shorten(each.error, LONGEST_ERROR) for each in records if each.error)
    return [Reason(words, number) for words, number in counted.most_common()]


@dataclass(frozen=True, slots=True)
class LengthRow:
    """`bars` are (x, width, height) of a small histogram in a field of WIDTH by 100."""

    column: str
    said: str
    bars: Sequence[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class ScoredView:
    """`rows` are (score, records, width of their bar), `lowest` (record, score, reason)."""

    job_id: str
    heading: str
    mean: str
    about: str
    rows: Sequence[tuple[int, str, int]]
    lowest: Sequence[tuple[int, int | None, str]]


@dataclass(frozen=True, slots=True)
class QualityView:
    sampled: str
    exact: str
    near: str
    lengths: Sequence[LengthRow]
    scored: ScoredView | None


def quality_view(found: Quality) -> QualityView:
    return QualityView(
        sampled=count(found.sampled, "record"),
        exact=f"{found.exact_duplicates:.1%}",
        near=f"{found.near_duplicates:.1%}",
        lengths=[_length_row(each) for each in found.lengths],
        scored=_scored(found.scored) if found.scored else None,
    )


def _scored(found: Scored) -> ScoredView:
    most = max((number for _, number in found.counts), default=0)
    left_out = f"; {found.unscored:,} got no score" if found.unscored else ""
    return ScoredView(
        job_id=found.job_id,
        heading=f"Scored by {found.model}",
        mean="none yet" if found.mean is None else f"{found.mean:.1f} of 5",
        about=f"{count(found.scored, 'record')}, for {usd(found.cost)}{left_out}.",
        rows=[(score, f"{number:,}", length(number, most)) for score, number in found.counts],
        lowest=[(each.number + 1, each.score, each.reason) for each in found.lowest],
    )


def _length_row(found: Lengths) -> LengthRow:
    room = WIDTH // max(len(found.histogram), 1)
    highest = max((number for _, number in found.histogram), default=0)
    said = f"{found.shortest:,} to {found.longest:,} characters, half of them up to {found.median:,}"
    heights = [length(number, highest) // 10 for _, number in found.histogram]
    return LengthRow(found.column, said, [(index * room, room - 6, height) for index, height in enumerate(heights)])
