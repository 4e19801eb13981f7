"""What every model adapter keeps.

Wants the fixtures `llm`, `model` (one that answers), and `sick`: a function that makes the next call go wrong in one
of the ways named in `Sickness`.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

import pytest

from chalicelib.llm import Answer, Completion, Llm, ModelUnavailable, Refused, Throttled

PROMPT = "Write two sentences about the mill, é and 水."


class Sickness(Enum):
    THROTTLED = auto()
    DOWN = auto()
    REFUSED = auto()
    LOST = auto()


Sick = Callable[[Sickness], str]
"""Answers the id of the model to be called."""


def ask(model: str, prompt: str = PROMPT, max_tokens: int = 500) -> Completion:
    return Completion(model=model, prompt=prompt, max_tokens=max_tokens, temperature=0.5, seed=7)


class LlmContract:
    def test_it_answers_with_what_it_counted(self, llm: Llm, model: str) -> None:
        answer = llm.complete(ask(model))
        assert isinstance(answer, Answer)
        assert answer.text
        assert answer.input_tokens > 0
        assert 0 < answer.output_tokens <= 500
        assert not answer.truncated

    def test_it_says_which_model_it_was(self, llm: Llm, model: str) -> None:
        assert llm.complete(ask(model)).model

    def test_counting_says_never_less_than_the_provider(self, llm: Llm, model: str) -> None:
        assert llm.count_tokens(PROMPT, model) >= llm.complete(ask(model)).input_tokens

    def test_a_longer_text_counts_no_less(self, llm: Llm, model: str) -> None:
        assert llm.count_tokens(PROMPT * 2, model) >= llm.count_tokens(PROMPT, model) > 0

    def test_it_says_when_it_was_cut_short(self, llm: Llm, model: str) -> None:
        answer = llm.complete(ask(model, max_tokens=3))
        assert (answer.truncated, answer.output_tokens) == (True, 3)

    def test_it_offers_its_own_models(self, llm: Llm, model: str) -> None:
        assert llm.offers(model)

    def test_an_answer_to_one_prompt_is_no_answer_to_another(self, llm: Llm, model: str) -> None:
        assert llm.complete(ask(model)) != llm.complete(replace(ask(model), prompt="Something else."))


class SickLlmContract:
    def test_too_much_at_once(self, llm: Llm, sick: Sick) -> None:
        with pytest.raises(Throttled) as caught:
            llm.complete(ask(sick(Sickness.THROTTLED)))
        assert caught.value.retry_after >= 1

    def test_a_provider_that_is_down(self, llm: Llm, sick: Sick) -> None:
        with pytest.raises(ModelUnavailable) as caught:
            llm.complete(ask(sick(Sickness.DOWN)))
        assert not caught.value.answer_lost

    def test_a_provider_that_refuses(self, llm: Llm, sick: Sick) -> None:
        with pytest.raises(Refused):
            llm.complete(ask(sick(Sickness.REFUSED)))

    def test_an_answer_that_got_lost_may_have_cost(self, llm: Llm, sick: Sick) -> None:
        with pytest.raises(ModelUnavailable) as caught:
            llm.complete(ask(sick(Sickness.LOST)))
        assert caught.value.answer_lost
