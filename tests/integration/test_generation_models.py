"""Whole jobs over a model server that throttles, hangs up, fails and lies: records delayed or failed, money right."""

import json
from dataclasses import replace

import pytest

from chalicelib.generation import breaker
from chalicelib.jobs import operations as jobs
from chalicelib.llm.openai import OpenAiModels
from tests import make
from tests.generating import ONE_STEP, Factory
from tests.models import model_server

pytestmark = pytest.mark.integration

PRICE = {"model": "openai/*", "name": "Any", "tier": 1, "input": 1_000_000, "output": 2_000_000, "source": "made up"}


@pytest.fixture
def server():
    with model_server() as found:
        yield found


@pytest.fixture
def factory(server, tmp_path, request):
    file = tmp_path / "prices.json"
    prices = {"version": "t1", "unit": "micro-dollars per million tokens", "prices": [{**PRICE, "date": "2026-11-20"}]}
    file.write_text(json.dumps(prices))
    # A process keeps its breakers for life, and the outage of one test is no business of the next.
    breaker.breakers.cache_clear()
    ports = make.ports(MILLRACE_PRICES=str(file), MILLRACE_MODEL_PATIENCE=getattr(request, "param", "15"))
    model = OpenAiModels(server.url, "", ports.clock, timeout=3)
    yield Factory(replace(ports, llm=model))
    model.close()


def made(factory, **fields):
    return factory.make_it(steps=ONE_STEP, model="openai/small", **{"num_records": 12, **fields})


def test_it_works(factory, server):
    job_id = made(factory)
    assert (factory.status(job_id), len(server.asked)) == ("succeeded", 12)
    assert factory.check_books(job_id).reserved == 0


def test_throttled_records_are_delayed_and_cost_nothing_more(factory, server):
    server.sick = [(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})] * 3
    job_id = made(factory)
    run = factory.check_books(job_id)
    assert (run.done, run.failed, run.lost, len(server.asked)) == (12, 0, 0, 15)


def test_cut_connections_are_asked_again_and_stay_reserved(factory, server):
    server.sick = ["cut"] * 2
    run = factory.check_books(made(factory))
    assert (run.done, run.failed) == (12, 0)
    assert run.lost == run.reserved > 0


def test_a_server_that_is_down_for_a_moment_costs_no_record(factory, server):
    server.sick = [(500, {"error": {"message": "oops"}})] * 8
    assert factory.check_books(made(factory)).done == 12


def test_a_refused_record_is_kept_with_the_reason(factory, server):
    server.sick = [(400, {"error": {"message": "not like this"}})]
    failed = factory.records(made(factory), failed=True)
    assert len(failed) == 1
    assert "not like this" in failed[0].error


def test_a_lie_about_usage_is_charged_as_the_worst_case(factory, server):
    server.usage = {"prompt_tokens": 5, "completion_tokens": 1_000_000}
    job_id = made(factory, num_records=5)
    run = factory.check_books(job_id)
    assert run.failed == 5
    assert run.spent <= factory.see(job_id).plan.num_records * 1000
    assert "more than the request allowed" in factory.records(job_id)[0].error


@pytest.mark.parametrize("factory", ["3"], indirect=True, ids=["patience"])
def test_an_outage_is_a_failure(server, factory):
    server.sick = [(503, {"error": {"message": "down"}})] * 1000
    job_id = made(factory, num_records=20)
    assert factory.status(job_id) == "failed"
    assert "records failed" in jobs.get_order(factory.ports, factory.me, job_id, 1).reason
    assert factory.check_books(job_id).spent == 0
