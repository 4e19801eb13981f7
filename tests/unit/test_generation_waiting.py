"""Every generation that waits says why."""

import threading
import time
from datetime import timedelta

import pytest

from chalicelib.generation import budget
from chalicelib.generation.breaker import FAILURES, Breaker, breakers
from chalicelib.generation.budget import Purse
from chalicelib.generation.jobs import operations, waiting
from chalicelib.generation.store import Shard
from tests import make, money
from tests.clocks import START
from tests.generating import ONE_STEP, Factory


def on(model):
    return [{**ONE_STEP[0], "model": model}]


@pytest.fixture
def factory():
    yield Factory(make.ports(MILLRACE_MODEL_PATIENCE="60"))
    breakers.cache_clear()


def seen_while_it_runs(factory, job_id, *, within=10):
    """What the first wait was, of a shard that is then told to end."""
    factory.orchestrator.look(job_id)
    running = threading.Thread(target=factory.run_next)
    running.start()
    until = time.monotonic() + within
    while not (said := factory.see(job_id).waiting) or said.startswith("waits for a free worker"):
        assert time.monotonic() < until
        time.sleep(0.02)
    factory.runner.stop_all()
    running.join()
    return said


def test_a_job_that_goes_on_waits_for_nothing(factory):
    assert factory.see(factory.make_it(num_records=3)).waiting == ""


def test_a_job_without_a_worker_says_so(factory):
    job_id = factory.submit(num_records=3)
    assert factory.see(job_id).waiting == ""
    factory.orchestrator.look(job_id)
    assert factory.see(job_id).waiting == "waits for a free worker"


def test_a_paused_job_says_who_paused_it(factory):
    job_id = factory.submit(num_records=3)
    operations.pause(factory.ports, factory.me, job_id)
    assert factory.see(job_id).waiting == "paused by ada@acme.example"


def test_a_limit_of_the_organisation_is_named(factory):
    factory.limit(concurrency=0)
    job_id = factory.submit(num_records=3)
    assert "as many orders in flight as its limit allows" in factory.see(job_id).waiting


def test_a_draft_waits_for_nobody_but_its_people(factory):
    assert factory.see(factory.submit(start=False)).waiting == ""


def test_a_model_that_is_down_is_named_with_the_time_of_the_next_try(factory):
    said = seen_while_it_runs(factory, factory.submit(num_records=50, steps=on("offline/small+fail=1")))
    assert said.startswith("the model offline/small+fail=1 does not answer or is busy; it is asked again ")


def test_the_wait_ends_with_the_attempt(factory):
    job_id = factory.submit(num_records=50, steps=on("offline/small+fail=1"))
    seen_while_it_runs(factory, job_id)
    factory.orchestrator.look(job_id)
    assert "model" not in factory.see(job_id).waiting


def test_a_used_up_month_is_named(factory):
    factory.make_it(num_records=20)
    spent = factory.see(factory.make_it(num_records=20)).money.spent
    job_id = factory.submit(num_records=50)
    factory.limit(monthly_budget=spent)
    factory.run(job_id)
    assert factory.see(job_id).waiting.startswith("The organisation's budget of 2026-11 is used up: ")


def test_a_job_that_used_up_its_own_budget_waits_for_nobody(factory):
    assert factory.see(factory.make_it(num_records=100, budget_limit=0.002)).waiting == ""


def test_shards_that_wait_are_told_only_when_all_do():
    assert waiting.why_running([Shard(waits_for="x"), Shard()], START) == ""
    assert waiting.why_running([Shard(waits_for="x"), Shard(waits_for="x")], START) == "x"


def test_the_earliest_next_try_is_told():
    waits = [Shard(waits_for="x", waits_until=START + timedelta(seconds=seconds)) for seconds in (9, 4)]
    assert waiting.why_running(waits, START) == "x; it is asked again in 4 s"
    assert waiting.why_running(waits, START + timedelta(seconds=4)) == "x; it is asked again now"


def test_a_breaker_says_how_long_it_rests():
    breaker = Breaker(lambda: 0.0)
    assert breaker.rest == 0
    for _ in range(FAILURES):
        breaker.failed()
    assert breaker.rest == 0.5


def test_a_purse_is_short_while_somebody_waits_for_others_money(ports):
    money.open_job(ports, cap=100)
    budget.claim(ports.documents, money.place())
    purse = Purse(ports.documents, money.place(), ahead=1)
    held = purse.hold(100)
    other = threading.Thread(target=lambda: purse.hold(50).__exit__(None, None, None))
    other.start()
    until = time.monotonic() + 5
    while not purse.is_short:
        assert time.monotonic() < until
    held.__exit__(None, None, None)
    other.join()
    assert not purse.is_short
