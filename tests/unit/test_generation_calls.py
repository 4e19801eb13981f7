"""Calls to models that are busy, down, or not to be believed."""

from dataclasses import dataclass, field, replace

import pytest

from chalicelib.generation import budget
from chalicelib.generation.breaker import FAILURES, LONGEST, SHORTEST, Breaker, Breakers
from chalicelib.generation.budget import BudgetExceeded, Purse
from chalicelib.generation.calls import Caller, Misreported
from chalicelib.jobs.actions import Stopped
from chalicelib.llm import Answer, Completion, ModelUnavailable, Refused, Throttled, likely_tokens
from tests import make, money

REQUEST = Completion(model="offline/small", prompt="Say something.", max_tokens=100)
ANSWER = Answer(text="Something.", input_tokens=4, output_tokens=3, model="offline/small")


@dataclass
class Scripted:
    """A model that does one thing after the other, and its last for good."""

    script: list = field(default_factory=lambda: [ANSWER])
    asked: int = 0

    def complete(self, request):
        now = self.script[min(self.asked, len(self.script) - 1)]
        self.asked += 1
        if isinstance(now, Exception):
            raise now
        return now

    def count_tokens(self, text, model):
        return likely_tokens(text)

    def offers(self, model):
        return True


class Desk:
    """A caller with a purse, over a store of its own."""

    def __init__(self, *script, cap=1_000_000, patience=5.0, stopped=lambda: False):
        self.ports = make.ports()
        money.open_job(self.ports, cap=cap)
        self.model = Scripted(list(script) or [ANSWER])
        self.breakers = Breakers()
        self.caller = Caller(self.model, self.ports.prices, self.breakers, patience=patience, stopped=stopped)
        budget.claim(self.ports.documents, money.place())
        self.purse = Purse(self.ports.documents, money.place(), ahead=1)

    def call(self):
        with self.purse.hold(self.caller.worst(REQUEST)) as hold:
            return self.caller.call(REQUEST, hold)

    def books(self, cost):
        self.purse.commit(money.change(self.ports, money.place(), cost), keep=False)
        return money.check(self.ports)


def test_an_answer_costs_what_the_provider_counted():
    desk = Desk()
    called = desk.call()
    assert called.cost == desk.ports.prices.of("offline/small").cost(4, 3)
    assert desk.books(called.cost).spent == called.cost


def test_a_throttled_call_is_repeated_and_costs_nothing():
    desk = Desk(Throttled("busy", retry_after=0), ANSWER)
    called = desk.call()
    run = desk.books(called.cost)
    assert (desk.model.asked, run.spent, run.lost) == (2, called.cost, 0)


def test_a_model_that_is_down_for_a_moment_is_asked_again():
    desk = Desk(ModelUnavailable("down"), ANSWER)
    assert desk.call().answer == ANSWER


def test_an_answer_that_was_lost_is_asked_for_again_and_its_worst_case_stays_reserved():
    desk = Desk(ModelUnavailable("cut", answer_lost=True), ANSWER)
    called = desk.call()
    run = desk.books(called.cost)
    assert (run.spent, run.lost, run.reserved) == (called.cost, desk.caller.worst(REQUEST), run.lost)


def test_a_model_that_stays_down_is_a_failure_once_patience_ends():
    desk = Desk(ModelUnavailable("down"), patience=0.3)
    with pytest.raises(ModelUnavailable):
        desk.call()


def test_what_is_refused_is_not_asked_again():
    desk = Desk(Refused("no"))
    with pytest.raises(Refused):
        desk.call()
    assert desk.model.asked == 1


@pytest.mark.parametrize(
    "lie", [{"output_tokens": 101}, {"input_tokens": -1}, {"output_tokens": 0}, {"input_tokens": 10_000_000}]
)
def test_counts_that_cannot_be_true_are_charged_as_the_worst_case_and_no_more(lie):
    desk = Desk(replace(ANSWER, **lie))
    with pytest.raises(Misreported):
        desk.call()
    assert desk.books(desk.caller.worst(REQUEST)).spent == desk.caller.worst(REQUEST)


def test_lost_answers_use_the_budget_up_in_the_end():
    desk = Desk(ModelUnavailable("cut", answer_lost=True), cap=150)
    with pytest.raises(BudgetExceeded):
        desk.call()
    assert money.check(desk.ports).reserved <= 150


def test_a_stop_ends_the_waiting():
    desk = Desk(Throttled("busy", retry_after=60), stopped=lambda: True)
    with pytest.raises(Stopped):
        desk.call()


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def broken(times=FAILURES):
    time = Time()
    breaker = Breaker(time)
    for _ in range(times):
        breaker.wait()
        breaker.failed()
    return time, breaker


def test_a_breaker_lets_calls_through_until_several_failed_in_a_row():
    _, breaker = broken(FAILURES - 1)
    assert breaker.wait() == 0


def test_an_open_breaker_says_how_long_to_wait():
    _, breaker = broken()
    assert breaker.wait() == SHORTEST


def test_after_its_pause_a_breaker_lets_one_call_try():
    time, breaker = broken()
    time.now = SHORTEST
    assert breaker.wait() == 0
    assert breaker.wait() > 0


def test_a_try_that_works_closes_the_breaker():
    time, breaker = broken()
    time.now = SHORTEST
    breaker.wait()
    breaker.worked()
    assert [breaker.wait(), breaker.wait(), breaker.is_open] == [0, 0, False]


def test_pauses_double_up_to_a_limit():
    time, breaker = broken()
    pauses = []
    for _ in range(12):
        time.now += breaker.wait()
        breaker.wait()
        breaker.failed()
        pauses.append(breaker.wait())
    assert pauses[0] == 2 * SHORTEST
    assert pauses[-1] == LONGEST


def test_a_breaker_honours_retry_after():
    breaker = Breaker(Time())
    breaker.wait()
    breaker.failed(retry_after=7)
    assert breaker.wait() == 7
