"""What an order's own page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.jobs import dag
from chalicelib.jobs.model import Artifact, Order, OrderStatus, RunWhen
from frontend.views.job import order_reason
from frontend.views.logs import printable
from frontend.views.words import ORDER_LOOKS, Look, between, count, duration, exact


@dataclass(frozen=True, slots=True)
class Other:
    number: int
    name: str
    look: Look


@dataclass(frozen=True, slots=True)
class Try:
    number: int
    look: Look


@dataclass(frozen=True, slots=True)
class OrderPage:
    """`before` and `after` are the neighbours' numbers, 0 at the ends."""

    number: int
    name: str
    look: Look
    ended: bool
    sentence: str
    since: str
    """When it started, for the seconds that count on in the browser; empty unless it runs."""
    attempts: Sequence[Try]
    commands: str
    environment: Sequence[tuple[str, str]]
    secrets: Sequence[str]
    outputs: str
    artifacts: Sequence[Artifact]
    facts: Sequence[tuple[str, str]]
    dependencies: Sequence[Other]
    dependants: Sequence[Other]
    before: int
    after: int
    file_name: str


def order_page(orders: Sequence[Order], number: int, now: datetime) -> OrderPage:
    order = orders[number - 1]
    after = dag.dependants([each.spec.dependencies for each in orders])[number - 1]
    return OrderPage(
        number=number,
        name=order.name,
        look=ORDER_LOOKS[order.status],
        ended=order.status.ended,
        sentence=_sentence(order, now),
        since=order.started_at.isoformat() if order.status is OrderStatus.RUNNING and order.started_at else "",
        attempts=_tries(order),
        commands=printable("\n".join(order.spec.commands)),
        environment=[(name, printable(value)) for name, value in order.spec.env.items()],
        secrets=sorted(order.spec.secret_env),
        outputs=", ".join(order.spec.outputs),
        artifacts=order.artifacts,
        facts=_facts(order),
        dependencies=[_other(orders[each - 1]) for each in order.spec.dependencies],
        dependants=[_other(orders[each - 1]) for each in after],
        before=number - 1,
        after=number + 1 if number < len(orders) else 0,
        file_name=f"order-{number:04d}-attempt-{order.attempt}.log",
    )


def _sentence(order: Order, now: datetime) -> str:
    """While it runs: only for how long, because the browser counts on."""
    seconds = between(order.started_at, order.ended_at or now)
    took = "" if seconds is None else duration(seconds)
    said = order_reason(order)
    match order.status:
        case OrderStatus.QUEUED | OrderStatus.DISPATCHING:
            return f"It {said}." if said.startswith(("waits", "is ")) else f"Waits: {said or 'its turn comes soon'}."
        case OrderStatus.RUNNING:
            return took
        case OrderStatus.SUCCEEDED:
            return f"Done in {took}." if took else "Done."
        case OrderStatus.SKIPPED:
            return f"Skipped: {said or 'it was not needed'}."
        case _:
            after = f" after {took}" if took else ""
            return f"{ORDER_LOOKS[order.status].word}{after}{': ' + said if said else ''}."


def _tries(order: Order) -> list[Try]:
    known = {attempt.number: ORDER_LOOKS[attempt.status] for attempt in order.attempts}
    if order.attempt and order.status is not OrderStatus.QUEUED:
        known[order.attempt] = ORDER_LOOKS[order.status]
    return [Try(number, look) for number, look in sorted(known.items())]


def _facts(order: Order) -> list[tuple[str, str]]:
    spec = order.spec
    facts = [("Number", f"{order.number:04d}"), ("Runs on", spec.target.value)]
    facts.append(("Timeout", duration(spec.timeout) if spec.timeout >= 60 else f"{spec.timeout} s"))  # noqa: PLR2004
    if order.exit_code is not None:
        facts.append(("Exit code", str(order.exit_code)))
    if order.started_at:
        facts.append(("Started", exact(order.started_at)))
    if order.ended_at:
        facts.append(("Ended", exact(order.ended_at)))
    if not spec.must_succeed:
        facts.append(("Optional", "its failure is a warning"))
    if spec.run_when is RunWhen.ALL_DONE:
        facts.append(("Runs", "when all before it have ended, however"))
    if spec.retries:
        facts.append(("Retries", f"up to {spec.retries}, {count(spec.retry_delay, 'second')} apart"))
    if spec.queue_id:
        facts.append(("Queue", spec.queue_id))
    return facts


def _other(order: Order) -> Other:
    return Other(order.number, order.name, ORDER_LOOKS[order.status])
