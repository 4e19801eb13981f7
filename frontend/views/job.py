"""What the pages show of jobs. Pure: model objects and the present in, values for the templates out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from chalicelib.jobs.model import STATE_LETTERS, Artifact, Event, Job, JobStatus, Order, OrderStatus
from frontend.views.picture import Picture, picture
from frontend.views.timeline import Axis, Bar, axis, bars
from frontend.views.words import ORDER_LOOKS, Look, between, count, duration, job_look

BAD_ENDS = (OrderStatus.FAILED, OrderStatus.TIMED_OUT)
REASONS: Mapping[str, str] = {
    "dependency_failed": "did not run: an order it depends on did not succeed",
    "worker_lost": "its worker was lost",
    "timeout": "ran longer than its timeout",
    "job_timeout": "the job's time was over",
    "cancelled": "cancelled",
    "could_not_be_stopped": "was asked to stop, but its target never confirmed it",
    "budget_exceeded": "the budget is used up",
}
_SEGMENTS: Sequence[OrderStatus] = (
    OrderStatus.SUCCEEDED,
    OrderStatus.FAILED,
    OrderStatus.TIMED_OUT,
    OrderStatus.CANCELLED,
    OrderStatus.SKIPPED,
    OrderStatus.RUNNING,
    OrderStatus.DISPATCHING,
    OrderStatus.QUEUED,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a progress bar, in thousandths of its width."""

    x: int
    width: int
    tone: str
    icon: str
    words: str


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in a list."""

    job_id: str
    name: str
    kind: str
    look: Look
    ended: bool
    segments: Sequence[Segment]
    progress: str
    warnings: str
    username: str
    created_at: datetime
    duration: str


class Row(NamedTuple):
    """An order in the job's table. A tuple, because a template takes a thousand of them apart."""

    number: int
    name: str
    look: Look
    reason: str
    duration: str
    since: str
    """When it started, for the seconds that count on in the browser; empty unless it runs."""
    bars: Sequence[Bar]
    optional: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """The order to look at first."""

    number: int
    name: str
    tone: str
    sentence: str
    others: int


@dataclass(frozen=True, slots=True)
class OrderArtifact:
    number: int
    name: str
    artifact: Artifact


@dataclass(frozen=True, slots=True)
class JobPage:
    line: JobLine
    sentence: str
    announcement: str
    rows: Sequence[Row]
    axis: Axis | None
    picture: Picture
    trouble: Trouble | None
    artifacts: Sequence[OrderArtifact]


def job_page(job: Job, orders: Sequence[Order], now: datetime) -> JobPage:
    # The job's own letters tell what was handed out; only the orders tell which of those have begun.
    line = job_line(replace(job, states="".join(STATE_LETTERS[order.status] for order in orders)), now)
    time_axis = axis(orders, now)
    return JobPage(
        line=line,
        sentence=_sentence(job, line),
        announcement=f"{job.name}: {line.look.word}",
        rows=[_row(order, time_axis, now) for order in orders],
        axis=time_axis,
        picture=picture(orders),
        trouble=_trouble(orders),
        artifacts=[OrderArtifact(order.number, order.name, each) for order in orders for each in order.artifacts],
    )


def job_line(job: Job, now: datetime) -> JobLine:
    seconds = between(job.started_at, job.ended_at or now)
    return JobLine(
        job_id=job.job_id,
        name=job.name,
        kind=job.kind,
        look=job_look(job.status, job.warnings),
        ended=job.status.ended,
        segments=list(_segments(job)),
        progress=f"{job.done_count:,} of {count(job.order_count, 'order')} done",
        warnings=count(job.warnings, "warning") if job.warnings else "",
        username=job.username,
        created_at=job.created_at,
        duration="" if seconds is None else duration(seconds),
    )


def _segments(job: Job) -> Iterator[Segment]:
    counts, seen = job.counts, 0
    for status in _SEGMENTS:
        if number := counts.get(status, 0):
            start, seen = seen, seen + number
            x, end = round(start * 1000 / job.order_count), round(seen * 1000 / job.order_count)
            look = ORDER_LOOKS[status]
            yield Segment(x, end - x, look.tone, look.icon, f"{number:,} {look.word.lower()}")


def _sentence(job: Job, line: JobLine) -> str:
    if job.status is JobStatus.QUEUED:
        return f"Waits to start: {reason(job.reason) or 'its first order is about to be handed out'}."
    if job.status is JobStatus.RUNNING:
        stopping = "It is being cancelled: what runs is being stopped. " if job.cancel_requested_by else ""
        return f"{stopping}{line.progress}."
    if job.status is JobStatus.SUCCEEDED:
        caveat = f", with {line.warnings}: optional orders did not succeed" if job.warnings else ""
        return f"All done in {line.duration or 'no time'}{caveat}."
    took = f" after {line.duration}" if line.duration else ""
    if job.cancel_requested_by:
        return f"{line.look.word}{took}, as {job.cancel_requested_by} asked."
    return f"{line.look.word}{took}{f' ({reason(job.reason)})' if job.reason else ''}."


def reason(text: str) -> str:
    known, _, words = text.partition(": ")
    return words or REASONS[known] if known in REASONS else text


def order_reason(order: Order) -> str:
    """Why it waits, or what went wrong. What went well needs no reason."""
    if order.status is OrderStatus.SUCCEEDED:
        return ""
    said = reason(order.reason)
    if order.status is OrderStatus.FAILED and order.exit_code and "exit" not in said:
        return f"exit code {order.exit_code}" + (f": {said}" if said else "")
    return said


def _row(order: Order, time_axis: Axis | None, now: datetime) -> Row:
    seconds = between(order.started_at, order.ended_at or now)
    running = order.status is OrderStatus.RUNNING and order.started_at
    return Row(
        number=order.number,
        name=order.name,
        look=ORDER_LOOKS[order.status],
        reason=order_reason(order),
        duration="" if seconds is None else duration(seconds),
        since=order.started_at.isoformat() if running and order.started_at else "",
        bars=bars(order, time_axis, now) if time_axis else (),
        optional=not order.spec.must_succeed,
        attempts=order.attempt,
    )


def _trouble(orders: Sequence[Order]) -> Trouble | None:
    """The first failure in time that is not a mere consequence; one that must succeed before an optional one."""
    bad = [order for order in orders if order.status in BAD_ENDS and order.reason != "dependency_failed"]
    if not bad:
        return None
    first = min(
        bad, key=lambda order: (not order.spec.must_succeed, order.ended_at is None, order.ended_at, order.number)
    )
    word = ORDER_LOOKS[first.status].word.lower()
    said = order_reason(first)
    tone = "fail" if first.spec.must_succeed else "warn"
    return Trouble(first.number, first.name, tone, f"{word}: {said}" if said else word, len(bad) - 1)


def plan_rows(orders: Sequence[Order], numbers: Sequence[int], now: datetime) -> list[Row]:
    """The orders of a retry's plan as they stand now."""
    return [_row(orders[number - 1], None, now) for number in numbers]


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the history."""

    at: datetime
    actor: str
    words: str
    order: str
    number: int | None
    message: str


def history(events: Sequence[Event], orders: Sequence[Order]) -> list[Happening]:
    names = {order.number: order.name for order in orders}
    return [
        Happening(
            at=event.at,
            actor=event.actor,
            words=_event_words(event),
            order=names.get(event.order_number or 0, ""),
            number=event.order_number,
            message=reason(event.message),
        )
        for event in events
    ]


def _event_words(event: Event) -> str:
    words = event.kind.partition(".")[2].replace("_", " ") or event.kind
    return f"{words} (attempt {event.attempt})" if event.attempt and event.attempt > 1 else words
