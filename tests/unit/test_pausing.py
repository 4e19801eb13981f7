"""Jobs that are paused, and jobs whose orders ran out of money."""

import pytest

from chalicelib.errors import Conflict
from chalicelib.jobs import operations
from chalicelib.jobs.decide import BUDGET_EXCEEDED, PAUSED
from chalicelib.jobs.model import OrderStatus
from tests import make
from tests.engine import Engine


@pytest.fixture
def engine():
    return Engine()


def test_a_paused_job_starts_nothing_and_says_who_paused_it(engine):
    job_id = engine.submit()
    operations.pause(engine.ports, engine.me, job_id)
    engine.look(job_id)
    assert engine.target.handed == []
    assert operations.get_orders(engine.ports, engine.me, job_id)[0].reason == "paused by ada@acme.example"


def test_a_resumed_job_goes_on(engine):
    job_id = engine.submit()
    operations.pause(engine.ports, engine.me, job_id)
    operations.resume(engine.ports, engine.me, job_id)
    engine.look(job_id)
    assert len(engine.target.handed) == 1


def test_an_order_handed_back_for_a_pause_waits_and_loses_nothing(engine):
    job_id = engine.submit()
    engine.look(job_id)
    operations.pause(engine.ports, engine.me, job_id)
    engine.end(job_id, 1, OrderStatus.QUEUED, PAUSED)
    order = engine.order(job_id, 1)
    assert (order.status, order.losses, engine.job(job_id).status) == ("queued", 0, "running")


def test_a_paused_job_can_be_cancelled(engine):
    job_id = engine.submit()
    operations.pause(engine.ports, engine.me, job_id)
    operations.cancel(engine.ports, engine.me, job_id)
    engine.look(job_id)
    assert engine.job(job_id).status == "cancelled"


def test_an_ended_job_cannot_be_paused(engine):
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    with pytest.raises(Conflict):
        operations.pause(engine.ports, engine.me, job_id)


def end_all(engine, job_id, *reasons):
    engine.look(job_id)
    for number, reason in enumerate(reasons, 1):
        engine.end(job_id, number, OrderStatus.FAILED, reason)
    return engine.job(job_id).status


def test_a_job_whose_orders_ran_out_of_money_says_so(engine):
    job_id = engine.submit(make.order("a"), make.order("b"))
    assert end_all(engine, job_id, BUDGET_EXCEEDED, BUDGET_EXCEEDED) == "budget_exceeded"
    assert engine.job(job_id).counts == {"failed": 2}


def test_a_job_that_failed_otherwise_too_has_failed(engine):
    job_id = engine.submit(make.order("a"), make.order("b"))
    assert end_all(engine, job_id, BUDGET_EXCEEDED, "exit code 1") == "failed"


def test_an_order_behind_one_that_ran_out_of_money_can_still_run(engine):
    job_id = engine.submit(make.order("a"), make.order("b", after=["a"], run_when="all_done"))
    end_all(engine, job_id, BUDGET_EXCEEDED)
    engine.end(job_id, 2)
    assert engine.job(job_id).status == "budget_exceeded"


def test_a_retry_runs_what_ran_out_of_money(engine):
    job_id = engine.submit(make.order("a"), make.order("b"))
    end_all(engine, job_id, BUDGET_EXCEEDED, BUDGET_EXCEEDED)
    operations.retry(engine.ports, engine.me, job_id)
    assert engine.statuses(job_id) == ["queued", "queued"]
