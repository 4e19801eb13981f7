"""Jobs in a terminal: followed to their end, listed, their logs read."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from chalicelib.client import LogPart
from chalicelib.clock import Clock, from_text
from chalicelib.jobs.model import JobStatus, OrderStatus

Json = Mapping[str, Any]

INTERVAL = 0.5
PATIENCE = 600.0
"""Seconds that a watch outlasts a server which does not answer."""
SUCCEEDED, NOT_SUCCEEDED, WITH_WARNINGS = 0, 1, 2
STYLES = {
    "queued": "dim",
    "dispatching": "cyan",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "timed_out": "red",
    "budget_exceeded": "red",
    "cancelled": "yellow",
    "skipped": "yellow",
}
# With more orders than lines, what needs a look comes first.
_URGENCY = ("failed", "timed_out", "running", "dispatching", "cancelled", "skipped", "queued", "succeeded")


def exit_code(job: Json) -> int:
    if job["status"] != JobStatus.SUCCEEDED:
        return NOT_SUCCEEDED
    return WITH_WARNINGS if job["warnings"] else SUCCEEDED


def follow(look: Callable[[], Json], pause: Callable[[float], None] = time.sleep) -> Iterator[Json]:
    """The job as it is now and after each look, up to its end."""
    while True:
        job = look()
        yield job
        if JobStatus(job["status"]).ended:
            return
        pause(INTERVAL)


def watch_lines(jobs: Iterable[Json], echo: Callable[[str], None]) -> Json:
    """One line for every change: for pipes and logs. Returns the ended job."""
    seen: dict[str, str] = {}
    for job in jobs:
        for name, status, line in _lines(job):
            if seen.get(name) != status:
                seen[name] = status
                echo(line)
    return job


def watch_live(jobs: Iterable[Json], console: Console, clock: Clock, waiting: "Waiting") -> Json:
    """A table that redraws itself. Returns the ended job."""
    shown: list[Json] = []
    spinner = Spinner("dots", "Looking for the job ...")

    def picture() -> RenderableType:
        if not shown:
            return spinner
        return draw(shown[-1], clock.now(), height=console.height, note=waiting.reason, spinner=spinner)

    with Live(console=console, get_renderable=picture, refresh_per_second=8):
        for job in jobs:
            waiting.reason = ""
            shown[:] = [job]
    return job


@dataclass(slots=True)
class Waiting:
    """Why nothing new can be shown, set by the client while the server does not answer."""

    reason: str = field(default="")

    def because(self, reason: str) -> None:
        self.reason = reason


def read_log(
    part_from: Callable[[int], LogPart], *, until_complete: bool, pause: Callable[[float], None] = time.sleep
) -> Iterator[bytes]:
    """The log in pieces: up to what is there now, or to its end."""
    offset, done = 0, False
    while not done:
        part = part_from(offset)
        yield part.text
        offset = part.next_offset
        done = part.complete or not (part.text or until_complete)
        if not (part.text or done):
            pause(INTERVAL)


def job_table(jobs: Iterable[Json]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("Job", "Status", "Orders", "Name", "By", "Created"):
        table.add_column(heading, no_wrap=heading == "Job")
    for job in jobs:
        warned = f" ({_warnings(job)})" if job["warnings"] else ""
        table.add_row(
            Text(job["job_id"]),
            Text(_words(job["status"]) + warned, style=STYLES[job["status"]]),
            f"{job['done_count']}/{job['order_count']}",
            Text(job["name"]),
            Text(job["username"]),
            from_text(job["created_at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        )
    return table


def draw(job: Json, now: datetime, *, height: int, note: str = "", spinner: Spinner | None = None) -> RenderableType:
    orders = job["orders"]
    room = max(5, height - 6)
    shown = orders if len(orders) <= room else sorted(orders, key=_urgency)[:room]
    parts: list[RenderableType] = [_heading(job, now, spinner), _bar(orders), _table(shown, now)]
    if len(shown) < len(orders):
        parts.append(Text(f"... and {len(orders) - len(shown)} more orders", style="dim"))
    if note:
        parts.append(Text(f"The server does not answer; trying again ({note})", style="yellow"))
    return Group(*parts)


def summary(job: Json) -> str:
    took = _took(job, None)
    warnings = f" with {_warnings(job)}" if job["warnings"] else ""
    reason = f": {job['reason']}" if job.get("reason") else ""
    return f"{job['name']} {_words(job['status'])}{warnings}{reason}{f' in {took}' if took else ''}"


def _heading(job: Json, now: datetime, spinner: Spinner | None) -> RenderableType:
    title = Text.assemble((job["name"], "bold"), "  ", (_words(job["status"]), STYLES[job["status"]]))
    title.append(f"  {_took(job, now)}", style="dim")
    if job.get("reason"):
        title.append(f"  {job['reason']}", style="dim")
    if spinner is None or JobStatus(job["status"]).ended:
        return title
    # One spinner for all pictures: it turns by the time since it was made.
    spinner.update(text=title)
    return spinner


def _bar(orders: list[Json]) -> RenderableType:
    done = sum(OrderStatus(order["status"]).ended for order in orders)
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=len(orders), completed=done, width=40, complete_style="cyan", finished_style="green"),
        f"{done}/{len(orders)}",
    )
    return row


def _table(orders: Iterable[Json], now: datetime) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for order in orders:
        status = order["status"]
        table.add_row(
            Text(str(order["order_num"]), style="dim"),
            Text(order["order_name"]),
            Text(_words(status), style=STYLES[status]),
            Text(_took(order, now), style="dim"),
            Text(order.get("reason") or "", style="dim"),
        )
    return table


def _urgency(order: Json) -> int:
    return _URGENCY.index(order["status"])


def _lines(job: Json) -> Iterator[tuple[str, str, str]]:
    for order in job["orders"]:
        reason = f" ({order['reason']})" if order.get("reason") else ""
        line = f"{order['order_num']} {order['order_name']}: {_words(order['status'])}{reason}"
        if order["status"] != OrderStatus.QUEUED:
            yield str(order["order_num"]), order["status"], line


def _warnings(job: Json) -> str:
    return f"{job['warnings']} {'warning' if job['warnings'] == 1 else 'warnings'}"


def _words(status: str) -> str:
    return status.replace("_", " ")


def _took(thing: Json, now: datetime | None) -> str:
    """From its start to its end, or to now; empty before the start."""
    if not thing.get("started_at"):
        return ""
    end = from_text(thing["ended_at"]) if thing.get("ended_at") else now
    if end is None:
        return ""
    seconds = max(0.0, (end - from_text(thing["started_at"])).total_seconds())
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004
