"""How states, times and sizes are said on a page."""
# ruff: noqa: PLR2004 - where a unit ends and the next begins is plainest as a number

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.jobs.model import JobStatus, OrderStatus


@dataclass(frozen=True, slots=True)
class Look:
    """`tone` is the CSS class and the favicon, `icon` the symbol's name: colour never stands alone."""

    word: str
    tone: str
    icon: str


QUEUED = Look("Queued", "wait", "wait")
RUNNING = Look("Running", "run", "wheel")
SUCCEEDED = Look("Succeeded", "ok", "ok")
WITH_WARNINGS = Look("Succeeded with warnings", "warn", "warn")
FAILED = Look("Failed", "fail", "fail")
TIMED_OUT = Look("Timed out", "late", "late")
CANCELLED = Look("Cancelled", "stop", "stop")

ORDER_LOOKS: Mapping[OrderStatus, Look] = {
    OrderStatus.QUEUED: QUEUED,
    OrderStatus.DISPATCHING: Look("Starting", "run", "wheel"),
    OrderStatus.RUNNING: RUNNING,
    OrderStatus.SUCCEEDED: SUCCEEDED,
    OrderStatus.FAILED: FAILED,
    OrderStatus.TIMED_OUT: TIMED_OUT,
    OrderStatus.CANCELLED: CANCELLED,
    OrderStatus.SKIPPED: Look("Skipped", "skip", "skip"),
}
JOB_LOOKS: Mapping[JobStatus, Look] = {
    JobStatus.QUEUED: QUEUED,
    JobStatus.RUNNING: RUNNING,
    JobStatus.SUCCEEDED: SUCCEEDED,
    JobStatus.FAILED: FAILED,
    JobStatus.TIMED_OUT: TIMED_OUT,
    JobStatus.CANCELLED: CANCELLED,
    JobStatus.BUDGET_EXCEEDED: Look("Budget exceeded", "late", "late"),
}


def job_look(status: JobStatus, warnings: int) -> Look:
    return WITH_WARNINGS if status is JobStatus.SUCCEEDED and warnings else JOB_LOOKS[status]


def count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def between(start: datetime | None, end: datetime | None) -> float | None:
    return max((end - start).total_seconds(), 0.0) if start and end else None


def duration(seconds: float) -> str:
    """`0.42 s`, `12.3 s`, `2 min 05 s`, `1 h 12 min`, `3 d 4 h`."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def ago(moment: datetime, now: datetime) -> str:
    """How long since, for the last day; after that the date."""
    seconds = (now - moment).total_seconds()
    if seconds < 10:
        return "just now"
    if seconds < 60:
        return f"{int(seconds)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h ago"
    return moment.strftime("%-d %b %Y" if now - moment > timedelta(days=300) else "%-d %b, %H:%M")


def exact(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def size(octets: int) -> str:
    if octets < 1000:
        return count(octets, "byte")
    amount = float(octets)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if amount >= 99.5 else f"{amount:.1f} {unit}"
    return f"{amount:,.0f} GB"


def shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
