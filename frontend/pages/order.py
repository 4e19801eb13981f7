"""An order's page, its log and its files."""

from dataclasses import dataclass

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import NotFound
from chalicelib.exchange import Answer, redirect, text_answer
from chalicelib.jobs import operations
from frontend.door import PagesDoor
from frontend.pages.job import order_number, state_tag
from frontend.views.logs import clean
from frontend.views.order import order_page
from frontend.visit import Pages, Visit

order = Pages(__name__, PagesDoor())

SHOWN = 2_000_000
"""Bytes of a log that stand in the page; the rest is a link away."""
PIECE = 256_000
ANSWERED = 5_000_000


@dataclass(frozen=True, slots=True)
class ShownLog:
    text: str = ""
    next_offset: int = 0
    complete: bool = False
    cut: bool = False
    note: str = ""


@order.page("/jobs/{job_id}/orders/{number}", permission=Permission.JOBS_READ)
def order_view(visit: Visit, job_id: str, number: str) -> Answer:
    job = operations.get_job(visit.ports, visit.caller, job_id)
    tag = state_tag(visit, job)
    if visit.has(tag):
        return visit.unchanged(tag)
    orders = operations.orders_of(visit.ports, job)
    wanted = order_number(number)
    if not 1 <= wanted <= len(orders):
        raise NotFound(f"The job has no order {wanted}; it has {len(orders)}.")
    page = order_page(orders, wanted, visit.now)
    latest = page.attempts[-1].number if page.attempts else 0
    attempt = _attempt(visit) or latest
    path = f"/jobs/{job_id}/orders/{wanted}"
    return visit.page(
        "order.html",
        headers={"ETag": tag},
        page=page,
        job=job,
        job_path=f"/jobs/{job_id}",
        job_url=visit.url(f"/jobs/{job_id}"),
        orders_url=visit.url(f"/jobs/{job_id}/orders/"),
        order_path=path,
        self_url=visit.url(path, attempt=_attempt(visit)),
        attempt=attempt,
        latest=latest,
        pinned=_attempt(visit) is not None,
        log=ShownLog() if visit.refreshing else _shown(visit, job_id, wanted, attempt),
        tone=page.look.tone if page.look.tone != "skip" else "stop",
    )


def _attempt(visit: Visit) -> int | None:
    text = visit.request.first("attempt")
    return order_number(text) if text else None


def _shown(visit: Visit, job_id: str, number: int, attempt: int) -> ShownLog:
    if not attempt:
        return ShownLog(note="Nothing yet: it has not started.")
    part = operations.read_log(visit.ports, visit.caller, job_id, number, attempt=attempt, limit=SHOWN)
    piece = clean(part.text, complete=part.complete)
    cut = len(part.text) >= SHOWN
    note = ""
    if cut:
        note = "The log is longer than what a page should hold."
    elif part.complete:
        note = "End of the log." if piece.text else "It wrote nothing."
    return ShownLog(piece.text, piece.taken, part.complete or cut, cut, note)


@order.page("/jobs/{job_id}/orders/{number}/log", permission=Permission.JOBS_READ)
def log(visit: Visit, job_id: str, number: str) -> Answer:
    """The whole log as it was written; with `tail`, what a page appends next."""
    request = visit.request
    if not request.first("tail"):
        return _whole_log(visit, job_id, order_number(number))
    offset = request.first("offset")
    start = int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 16 else 0  # noqa: PLR2004 - bytes
    part = operations.read_log(
        visit.ports, visit.caller, job_id, order_number(number), attempt=_attempt(visit), offset=start, limit=PIECE
    )
    piece = clean(part.text, complete=part.complete)
    headers: dict[str, str | list[str]] = {"Log-Offset": str(start + piece.taken)}
    if part.complete:
        headers["Log-Complete"] = "1"
    return text_answer(piece.text.encode(), headers)


def _whole_log(visit: Visit, job_id: str, number: int) -> Answer:
    """A long one by a link of the objects port: an answer of ours holds 4.5 MB at most."""
    attempt = _attempt(visit)
    part = operations.read_log(visit.ports, visit.caller, job_id, number, attempt=attempt, limit=ANSWERED)
    if len(part.text) < ANSWERED:
        return text_answer(part.text)
    return redirect(operations.log_link(visit.ports, visit.caller, job_id, number, attempt=attempt))


@order.page("/jobs/{job_id}/orders/{number}/files/{path}", permission=Permission.JOBS_READ)
def artifact(visit: Visit, job_id: str, number: str, path: str) -> Answer:
    return redirect(operations.artifact_link(visit.ports, visit.caller, job_id, order_number(number), path))
