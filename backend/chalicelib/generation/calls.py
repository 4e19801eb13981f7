"""One call to a model: money set aside first, patience with what is busy or down, no belief in impossible counts."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.errors import MillraceError, Unprocessable
from chalicelib.generation.breaker import Breaker, Breakers
from chalicelib.jobs.actions import Stopped
from chalicelib.llm import Answer, Completion, Llm, ModelUnavailable, Price, Prices, Throttled

FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0
_TICK = 0.2


class Misreported(Unprocessable):
    """The provider's token counts cannot be true; the call is charged as the worst case."""

    type = "usage-misreported"
    title = "The model's usage report cannot be true"

    def __init__(self, detail: str, cost: int, answer: Answer) -> None:
        super().__init__(detail)
        self.cost = cost
        self.answer = answer


class Money(Protocol):
    """What calls are paid from; a Hold is one."""

    def ensure(self, worst: int) -> None:
        """So much is there for the next call. Raises BudgetExceeded."""
        ...

    def spend(self, cost: int) -> None: ...

    def lose(self, worst: int) -> None:
        """No answer came, and it may be charged for."""
        ...


@dataclass(frozen=True, slots=True)
class Called:
    answer: Answer
    cost: int


class Caller:
    """Calls for many threads. `patience` is for how many seconds one call is tried before it fails for good."""

    def __init__(
        self, llm: Llm, prices: Prices, breakers: Breakers, *, patience: float, stopped: Callable[[], bool]
    ) -> None:
        self._llm = llm
        self._prices = prices
        self._breakers = breakers
        self._patience = patience
        self._stopped = stopped

    def worst(self, request: Completion) -> int:
        tokens = self._llm.count_tokens(request.prompt, request.model)
        return self._prices.of(request.model).cost(tokens, request.max_tokens)

    def call(self, request: Completion, hold: Money) -> Called:
        """Raises Misreported, Refused, or, once patience is at an end, what the model last said."""
        breaker = self._breakers.of(request.model)
        worst = self.worst(request)
        until = time.monotonic() + self._patience
        wait: float = FIRST_WAIT
        failure: MillraceError = ModelUnavailable(
            "The model did not answer for too long, and is left alone for a while."
        )
        while self._let_through(breaker, until):
            try:
                hold.ensure(worst)
            except BaseException:
                breaker.left_out()
                raise
            try:
                answer = self._llm.complete(request)
            except Throttled as busy:
                breaker.failed(busy.retry_after)
                failure, pause = busy, max(float(busy.retry_after), random.uniform(0, wait))  # noqa: S311 - jitter
            except ModelUnavailable as down:
                breaker.failed()
                failure, pause = down, random.uniform(0, wait)  # noqa: S311 - jitter
                if down.answer_lost:
                    hold.lose(worst)
            except BaseException:
                # What was refused was answered: the model is well.
                breaker.worked()
                raise
            else:
                breaker.worked()
                return self._settle(request, answer, hold, worst)
            self._sleep(min(pause, max(0.0, until - time.monotonic())))
            wait = min(LONGEST_WAIT, 2 * wait)
        raise failure

    def _let_through(self, breaker: Breaker, until: float) -> bool:
        """Wait for the breaker; False when patience ends first."""
        while time.monotonic() < until:
            if not (delay := breaker.wait()):
                return True
            self._sleep(min(delay, _TICK))
        return False

    def _sleep(self, seconds: float) -> None:
        """Raises Stopped."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stopped():
                raise Stopped
            time.sleep(min(left, _TICK))

    def _settle(self, request: Completion, answer: Answer, hold: Money, worst: int) -> Called:
        price = self._prices.of(request.model)
        if fault := self._impossible(request, answer, price, worst):
            hold.spend(worst)
            raise Misreported(fault, worst, answer)
        cost = price.cost(answer.input_tokens, answer.output_tokens)
        hold.spend(cost)
        return Called(answer, cost)

    def _impossible(self, request: Completion, answer: Answer, price: Price, worst: int) -> str:
        if answer.input_tokens < 0 or answer.output_tokens < 0 or (answer.text and not answer.output_tokens):
            return f"reported {answer.input_tokens} tokens in and {answer.output_tokens} out, which cannot be"
        if answer.output_tokens > request.max_tokens or price.cost(answer.input_tokens, answer.output_tokens) > worst:
            return (
                f"reported {answer.input_tokens:,} tokens in and {answer.output_tokens:,} out, more than the request"
                f" allowed ({request.max_tokens:,} out)"
            )
        return ""
