"""The models that one can choose here, with their prices."""

from chalicelib.llm import Price
from frontend.views.money import usd
from frontend.visit import Visit

Choices = list[tuple[str, list[tuple[str, str]]]]
"""Headings, and under each (value, words)."""
TIERS = ((1, "small and cheap"), (2, "medium"), (3, "large"))


def model_choices(visit: Visit, *, unset: str = "The model of the job") -> Choices:
    """For a select: nothing, a tier, or one of the models that this home can reach."""
    tiers = [(f"tier:{tier}", f"Tier {tier}, {words}") for tier, words in TIERS]
    return [("Chosen with each job", [("", unset), *tiers]), ("A certain model", [*map(_option, offered(visit))])]


def offered(visit: Visit) -> list[Price]:
    """Patterns stand for models that nobody lists."""
    return [
        each
        for each in visit.ports.prices.entries
        if not each.model.endswith("*") and visit.ports.llm.offers(each.model)
    ]


def _option(price: Price) -> tuple[str, str]:
    return price.model, f"{price.name} ({usd(price.input)} in, {usd(price.output)} out per million tokens)"
