"""Attempts that run far away are ended when they are late or gone, and never twice."""

import json
from pathlib import Path

import pytest

from chalicelib.documents import Update
from chalicelib.jobs import places, store
from chalicelib.jobs.executors import Life, Parcel
from chalicelib.jobs.model import JobStatus, OrderStatus, Target
from tests import make
from tests.far import FarHome, HandProvider, home_in_memory

SUCCEEDED = json.dumps({"status": "succeeded", "log": ""}).encode()


@pytest.fixture
def home(tmp_path: Path) -> FarHome:
    return home_in_memory(tmp_path)


def test_each_attempt_has_one_of_its_own(home: FarHome) -> None:
    job_id = home.submit(make.order("a"), make.order("b"))
    assert sorted(home.watchdogs.watched) == [f"{job_id}-0001-0001", f"{job_id}-0002-0001"]
    assert home.watchdogs.watched[f"{job_id}-0002-0001"] == {"job_id": job_id, "number": 2, "attempt": 1}


def test_it_waits_for_what_may_still_run(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=60))
    assert home.check(job_id) == {"state": "waiting", "wait": 15}


def test_it_asks_less_often_the_longer_it_lasts(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=900))
    home.ports.clock.tick(400)
    assert home.check(job_id) == {"state": "waiting", "wait": 100}


def test_it_is_there_when_the_time_is_up(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=60))
    home.ports.clock.tick(116)
    assert home.check(job_id) == {"state": "waiting", "wait": 5}


def test_past_the_time_out_it_ends_the_order(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=60))
    home.ports.clock.tick(121)
    assert home.check(job_id)["state"] == "done"
    assert json.loads(home.ports.objects.get(places.result_key(job_id, 1, 1)))["status"] == "timed_out"
    assert home.job(job_id).status is JobStatus.TIMED_OUT
    assert home.provider.stopped == [f"handle-{job_id}-0001-0001"]


def test_a_real_success_is_never_overwritten(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=60))
    home.leave(job_id, 1, SUCCEEDED)
    home.ports.clock.tick(500)
    assert home.check(job_id)["state"] == "done"
    assert home.job(job_id).status is JobStatus.SUCCEEDED


def test_it_takes_up_a_result_of_which_no_event_told(home: FarHome) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, SUCCEEDED)
    assert home.check(job_id)["state"] == "done"
    assert home.job(job_id).status is JobStatus.SUCCEEDED


def test_what_died_without_a_result_is_noticed_with_its_providers_reason(home: FarHome) -> None:
    job_id = home.submit()
    home.provider.lives[f"handle-{job_id}-0001-0001"] = Life(gone=True, reason="out of memory")
    assert home.check(job_id)["state"] == "done"
    assert home.order(job_id).reason == "ended without a result: out of memory"


def test_what_died_after_its_result_succeeded(home: FarHome) -> None:
    job_id = home.submit()
    home.leave(job_id, 1, SUCCEEDED)
    home.provider.lives[f"handle-{job_id}-0001-0001"] = Life(gone=True, reason="the machine is gone")
    home.check(job_id)
    assert home.job(job_id).status is JobStatus.SUCCEEDED


def test_of_an_earlier_attempt_it_does_nothing(home: FarHome) -> None:
    job_id = home.submit(make.order(retries=1))
    home.leave(job_id, 1, b"{}")
    home.tell()
    home.ports.clock.tick(1000)
    assert home.check(job_id, attempt=1)["state"] == "done"
    assert (home.order(job_id).status, home.order(job_id).attempt) == (OrderStatus.RUNNING, 2)


def test_of_a_deleted_job_it_does_nothing(home: FarHome) -> None:
    assert home.check("nobody")["state"] == "done"


def test_a_watchdog_that_does_not_start_is_a_failed_dispatch_and_strands_nothing(home: FarHome) -> None:
    home.watchdogs.refuses = "no such machine"
    job_id = home.submit()
    assert home.provider.parcels == []
    assert home.order(job_id).status is OrderStatus.QUEUED
    home.watchdogs.refuses = ""
    home.ports.clock.tick(10)
    home.orchestrator.look(job_id)
    assert home.order(job_id).status is OrderStatus.RUNNING


def test_a_provider_that_refuses_for_good_fails_the_order_with_its_words(home: FarHome) -> None:
    home.provider.refuses = "no capacity"
    job_id = home.submit()
    for _ in range(10):
        home.ports.clock.tick(60)
        home.orchestrator.look(job_id)
    assert home.order(job_id).reason == "dispatch_failed: no capacity"
    assert home.job(job_id).status is JobStatus.FAILED


def test_one_refused_order_does_not_start_another_twice(home: FarHome) -> None:
    job_id = home.submit(make.order("a"), make.order("b", ssm_paths=["/nothing"]))
    started = [each.name for each in home.provider.parcels]
    assert started == [f"{job_id}-0001-0001"]
    assert home.order(job_id, 2).status is OrderStatus.QUEUED


def test_a_stop_that_its_provider_confirms_ends_the_order_at_once(home: FarHome) -> None:
    home.provider.stops = True
    job_id = home.submit(job_timeout=30)
    home.ports.clock.tick(31)
    home.orchestrator.look(job_id)
    assert home.job(job_id).status is JobStatus.TIMED_OUT


def test_what_ended_while_its_provider_was_asked_is_stopped(home: FarHome) -> None:
    slow = Slow(home)
    home.change(providers={Target.LAMBDA: slow})
    job_id = home.submit()
    assert not home.order(job_id).live
    assert slow.stopped == [f"handle-{job_id}-0001-0001"]


class Slow(HandProvider):
    """While it is asked, another orchestrator takes over and ends the order."""

    def __init__(self, home: FarHome) -> None:
        super().__init__()
        self._home = home

    def start(self, parcel: Parcel) -> str:
        job_id = parcel.name.split("-")[0]
        ended = {"status": OrderStatus.CANCELLED, "live": 0}
        self._home.ports.documents.transact([Update(store.order_key(job_id, 1), ended)])
        return super().start(parcel)


def test_the_sweeper_alone_keeps_time_outs_too(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=60))
    home.ports.clock.tick(121)
    home.orchestrator.look(job_id)
    assert home.order(job_id).status is OrderStatus.TIMED_OUT
    assert home.provider.stopped == [f"handle-{job_id}-0001-0001"]
