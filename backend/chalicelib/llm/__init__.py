"""Port: language models, and what they cost.

- `complete` blocks until the whole answer is there. Its token counts are the provider's own, whatever we think of them.
- `count_tokens` never says less than what the provider will count for the prompt, so that money can be set aside first.
- Every error is one of the three below, so that callers decide without knowing the provider.
- Adapters keep no state that a result depends on, and are called by many threads at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.errors import TooMany, Unavailable, Unprocessable

MILLION = 1_000_000
LARGEST_ANSWER = 1_000_000
"""Characters of one answer; a provider that sends more is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What is asked. `model` is `<provider>/<its id>`. `schema` is the JSON schema of the wanted answer, told in the
    prompt already. Models that know seeds answer the same to the same (seed, prompt)."""

    model: str
    prompt: str
    max_tokens: int
    temperature: float = 0.7
    seed: int = 0
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`model` is what the provider says it used. `truncated`: `max_tokens`, or a filter of theirs, cut it short."""

    text: str
    input_tokens: int
    output_tokens: int
    model: str
    truncated: bool = False


class Throttled(TooMany):
    """Too much at once. The call cost nothing; come again after `retry_after` seconds."""

    type = "model-throttled"
    title = "The model is asked too often"


class ModelUnavailable(Unavailable):
    """The model does not answer now. `answer_lost`: it may have worked, and may be charged for, all the same."""

    type = "model-unavailable"
    title = "The model does not answer"

    def __init__(self, detail: str, *, answer_lost: bool = False) -> None:
        super().__init__(detail)
        self.answer_lost = answer_lost


class Refused(Unprocessable):
    """The provider will not answer this, now or later."""

    type = "model-refused"
    title = "The model refuses the request"


class Llm(Protocol):
    def complete(self, request: Completion) -> Answer:
        """Raises Throttled, ModelUnavailable or Refused."""
        ...

    def count_tokens(self, text: str, model: str) -> int:
        """An upper bound of the input tokens of this prompt."""
        ...

    def offers(self, model: str) -> bool:
        """Whether this home is set up to reach the model."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Micro-dollars per million tokens. `tier` is 0 for a model that no tier leads to."""

    model: str
    name: str
    input: int
    output: int
    tier: int
    source: str
    date: str

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Micro-dollars, rounded up once: nothing is ever free by being small."""
        total = input_tokens * self.input + output_tokens * self.output
        return -(-total // MILLION)


class UnknownPrice(Unprocessable):
    type = "unknown-price"
    title = "The price of the model is not known"


@dataclass(frozen=True, slots=True)
class Prices:
    """The price table. `version` goes into each line of a ledger. Entries ending in `*` stand for all that begin so."""

    version: str
    entries: Sequence[Price]

    def of(self, model: str) -> Price:
        """Raises UnknownPrice. What follows a `+` tells an offline model how to behave, not what it costs."""
        base = model.partition("+")[0]
        for each in self.entries:
            if each.model == base or (each.model.endswith("*") and base.startswith(each.model[:-1])):
                return each
        raise UnknownPrice(f"The price table {self.version} has no price of `{model[:100]}`; nothing is guessed.")

    def model_of_tier(self, tier: int, llm: Llm) -> str:
        """The first model of the tier that this home offers. Raises UnknownPrice."""
        for each in self.entries:
            if each.tier == tier and not each.model.endswith("*") and llm.offers(each.model):
                return each.model
        raise UnknownPrice(f"The price table {self.version} has no model of tier {tier} that can be reached from here.")


def likely_tokens(text: str) -> int:
    """About how many tokens a text has, for estimates: four bytes make one."""
    return -(-len(text.encode()) // 4)
