"""How money and large numbers are said on a page. Money is whole micro-dollars everywhere."""

from decimal import Decimal, InvalidOperation

DOLLAR = 1_000_000
CENT = 10_000
DOWN_TO_MICRO = 6
SAFETY = 120
"""Hundredths of an expected cost that are suggested as a budget."""


def usd(micro: int) -> str:
    """`$12.50`, `$0.10`, `$0.0413`, `$0.000325`: as many places as say something, and never fewer than two."""
    sign, amount = ("-" if micro < 0 else ""), abs(micro)
    if amount >= DOLLAR:
        return f"{sign}${amount / DOLLAR:,.2f}"
    places = 4 if amount >= CENT else DOWN_TO_MICRO
    whole, _, part = f"{amount / DOLLAR:.{places}f}".partition(".")
    return f"{sign}${whole}.{part.rstrip('0').ljust(2, '0')}"


def typed_usd(micro: int) -> str:
    """As one types it into a field: `12.5`, `0.0413`."""
    return f"{Decimal(micro) / DOLLAR:f}" if micro else ""


def micro_of(text: str) -> int | None:
    """What somebody typed as dollars; None when that is no amount."""
    try:
        amount = Decimal(text.strip().removeprefix("$").replace(",", ""))
    except InvalidOperation:
        return None
    return int(amount * DOLLAR) if amount.is_finite() and abs(amount) < DOLLAR else None


def share(part: int, whole: int) -> str:
    """`12 %`; less than one in a hundred is said as such."""
    if not whole:
        return "0 %"
    if 0 < part * 100 < whole:
        return "under 1 %"
    return f"{part * 100 / whole:.0f} %"


def rounded(micro: int) -> int:
    """Whole cents, and no more than three telling digits: as one would type it."""
    step = next(step for step in (CENT, 10 * CENT, DOLLAR) if micro <= step * 1000 or step == DOLLAR)
    return -(-micro // step) * step
