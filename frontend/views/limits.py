"""What an organisation may use and has used, as the page says it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.accounts.tenants.model import Limits
from chalicelib.errors import Fault, Invalid
from chalicelib.limits.operations import Usage
from frontend.views.words import size


def dollars(micros: int) -> str:
    return f"${micros / 1_000_000:,.2f}"


@dataclass(frozen=True, slots=True)
class Meter:
    """`percent` of the limit, at most 100; None without a limit."""

    name: str
    used: str
    limit: str
    percent: int | None
    hint: str


def meters(limits: Limits, usage: Usage) -> list[Meter]:
    in_flight = usage.orders_in_flight
    return [
        Meter(
            "Orders in flight",
            "not counted without a limit" if in_flight is None else str(in_flight),
            _limit(limits.concurrency, str),
            _percent(in_flight, limits.concurrency),
            "Further ones wait.",
        ),
        Meter(
            f"Money in {usage.month.month}",
            dollars(usage.month.spent),
            _limit(limits.monthly_budget, dollars),
            _percent(usage.month.spent, limits.monthly_budget),
            "Told at 80 % and 100 %.",
        ),
        Meter(
            "Logs, files, records and seed data",
            size(usage.storage),
            _limit(limits.storage, size),
            _percent(usage.storage, limits.storage),
            "When it is full, no job is taken until some are deleted.",
        ),
        Meter(
            "Requests in a minute", "", _limit(limits.request_rate, str), None, "Further ones are answered with 429."
        ),
    ]


def _limit(limit: int | None, word: Callable[[int], str]) -> str:
    return "no limit" if limit is None else word(limit)


def _percent(used: int | None, limit: int | None) -> int | None:
    if used is None or limit is None:
        return None
    return min(100, 100 * used // limit) if limit else 100


@dataclass(frozen=True, slots=True)
class LimitField:
    name: str
    label: str
    text: str
    hint: str


_MEGA = 1_000_000
_FIELDS = (
    ("concurrency", "Orders in flight", 1, "Empty: no limit."),
    ("monthly_budget", "Dollars in a month", _MEGA, "Empty: no limit."),
    ("request_rate", "Requests in a minute", 1, "Empty: no limit."),
    ("storage", "Storage in MB", _MEGA, "Logs, files, records and seed data. Empty: no limit."),
)


def limit_fields(limits: Limits, given: Mapping[str, str]) -> list[LimitField]:
    """`given` is what was typed and refused."""
    return [
        LimitField(name, label, given.get(name, _amount(getattr(limits, name), unit)), hint)
        for name, label, unit, hint in _FIELDS
    ]


def _amount(value: int | None, unit: int) -> str:
    if value is None:
        return ""
    return str(value) if unit == 1 else f"{Decimal(value) / unit:f}"


def read_limit(name: str, text: str) -> int | None:
    """Raises Invalid for what is no number."""
    if not text:
        return None
    unit = next(unit for each, _, unit, _ in _FIELDS if each == name)
    try:
        amount = Decimal(text) * unit
        whole = int(amount)
    except (ArithmeticError, ValueError):
        raise Invalid("The limits have faults.", [Fault(name, "must be a number")]) from None
    if whole != amount:
        raise Invalid("The limits have faults.", [Fault(name, "has too many decimal places")])
    return whole
