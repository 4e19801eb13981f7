"""The promise about money: spent + reserved never passes the cap, whoever dies whenever."""

from contextlib import suppress
from dataclasses import replace
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.generation import budget, store
from chalicelib.generation.budget import BudgetExceeded, Purse, Superseded
from tests import make, money
from tests.engine import Crash, CrashingDocuments


def purse_of(ports, place, *, ahead=4):
    budget.claim(ports.documents, place)
    return Purse(ports.documents, place, ahead=ahead)


def spend(ports, purse, place, cost, *, worst=100, number=1):
    with purse.hold(worst) as hold:
        hold.spend(cost)
    purse.commit(money.change(ports, place, cost, number=number))


def test_what_a_call_cost_is_spent_and_the_rest_is_free_at_the_end(ports):
    money.open_job(ports, cap=1000)
    purse = purse_of(ports, money.place())
    spend(ports, purse, money.place(), 30)
    purse.commit(money.change(ports, money.place(), 0, number=2), keep=False)
    run = money.check(ports)
    assert (run.spent, run.reserved, run.free) == (30, 0, 970)


def test_what_calls_cost_is_owed_until_it_is_accounted_for(ports):
    money.open_job(ports, cap=1000)
    purse = purse_of(ports, money.place())
    with purse.hold(100) as hold:
        hold.spend(30)
    assert purse.owing == 30
    purse.commit(money.change(ports, money.place(), 30))
    assert purse.owing == 0


def test_money_is_reserved_before_the_call(ports):
    money.open_job(ports, cap=1000)
    with purse_of(ports, money.place()).hold(100):
        assert money.check(ports).reserved >= 100


def test_a_call_that_the_cap_does_not_cover_is_not_made(ports):
    money.open_job(ports, cap=99)
    with pytest.raises(BudgetExceeded):
        purse_of(ports, money.place()).hold(100)
    assert money.check(ports).reserved == 0


def test_a_cap_is_used_to_its_last_call(ports):
    money.open_job(ports, cap=1000)
    purse = purse_of(ports, money.place())
    with suppress(BudgetExceeded):
        for number in range(100):
            spend(ports, purse, money.place(), 40, number=number)
    assert money.check(ports).spent >= 1000 - 100


def test_an_answer_that_was_lost_stays_reserved_and_is_shown(ports):
    money.open_job(ports, cap=1000)
    purse = purse_of(ports, money.place())
    with purse.hold(100) as hold:
        hold.lose(100)
    purse.commit(money.change(ports, money.place(), 0), keep=False)
    run = money.check(ports)
    assert (run.spent, run.reserved, run.lost) == (0, 100, 100)


def test_what_a_dead_attempt_had_reserved_is_lost(ports):
    money.open_job(ports, cap=1000)
    purse_of(ports, money.place(attempt=1)).hold(100)
    reserved = money.check(ports).reserved
    budget.claim(ports.documents, money.place(attempt=2))
    run = money.check(ports)
    assert (run.reserved, run.lost) == (reserved, reserved)


def test_an_attempt_that_was_taken_over_can_neither_reserve_nor_commit(ports):
    money.open_job(ports, cap=1000)
    purse = purse_of(ports, money.place(attempt=1))
    with purse.hold(100) as hold:
        hold.spend(50)
    budget.claim(ports.documents, money.place(attempt=2))
    with pytest.raises(Superseded):
        purse.commit(money.change(ports, money.place(attempt=1), 50))
    with pytest.raises(Superseded):
        purse.hold(10_000 // 20)
    assert money.check(ports).spent == 0


def test_an_older_attempt_cannot_take_a_shard_back(ports):
    money.open_job(ports, cap=1000)
    budget.claim(ports.documents, money.place(attempt=2))
    with pytest.raises(Superseded):
        budget.claim(ports.documents, money.place(attempt=1))


def test_adopted_records_are_paid_from_what_was_lost(ports):
    money.open_job(ports, cap=1000)
    with purse_of(ports, money.place(attempt=1)).hold(100) as hold:
        hold.spend(60)
    budget.claim(ports.documents, money.place(attempt=2))
    lost = money.check(ports).lost
    budget.adopt(ports.documents, money.place(attempt=2), money.change(ports, money.place(attempt=2), 60))
    run = money.check(ports)
    assert (run.spent, run.lost) == (60, lost - 60)


def test_a_commit_whose_answer_was_lost_counts_once(ports):
    money.open_job(ports, cap=1000)
    place = money.place()
    purse = purse_of(ports, place)
    with purse.hold(100) as hold:
        hold.spend(60)
    change = money.change(ports, place, 60)
    ports.documents.transact([change.line])
    purse.commit(change)
    assert money.check(ports).spent == 0


def test_64_workers_never_pass_a_cap_of_ten_cents_and_use_it(ports):
    money.open_job(ports, cap=100_000, shards=64, parallel=64)
    seen = []

    def work(shard):
        place = money.place(shard=shard)
        purse = purse_of(ports, place)
        with suppress(BudgetExceeded):
            for number in range(1000):
                spend(ports, purse, place, 37 + shard, worst=400, number=number)
                seen.append(money.check(ports))
        purse.commit(money.change(ports, place, 0, number=1001), keep=False)

    threads = [Thread(target=work, args=(shard,)) for shard in range(1, 65)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    run = money.check(ports)
    assert all(each.spent + each.reserved <= 100_000 for each in seen)
    assert run.spent == money.lines_total(ports) > 95_000
    assert run.reserved == 0


@settings(max_examples=60)
@given(
    cap=st.integers(0, 2000),
    costs=st.lists(st.integers(0, 100), min_size=1, max_size=8),
    crash=st.integers(0, 12),
    after=st.booleans(),
)
def test_a_kill_at_any_write_breaks_no_promise(cap, costs, crash, after):
    ports = make.ports()
    money.open_job(ports, cap=cap)
    dying = replace(ports, documents=CrashingDocuments(ports.documents))
    dying.documents.writes_left, dying.documents.after = crash, after
    with suppress(Crash, BudgetExceeded):
        run_attempt(dying, money.place(attempt=1), costs)
    money.check(ports)
    with suppress(BudgetExceeded):
        run_attempt(ports, money.place(attempt=2), costs)
    assert money.check(ports).spent == money.lines_total(ports)
    assert store.load_shard(ports.documents, money.JOB, 1).lost == money.check(ports).lost


def run_attempt(ports, place, costs):
    purse = purse_of(ports, place)
    for number, cost in enumerate(costs):
        spend(ports, purse, place, cost, number=number)
