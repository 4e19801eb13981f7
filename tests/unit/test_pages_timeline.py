"""When each attempt ran."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chalicelib.jobs.model import Attempt, Order, OrderSpec, OrderStatus
from frontend.views.timeline import Axis, axis, bars

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def order(status=OrderStatus.SUCCEEDED, **fields):
    return Order(number=1, spec=OrderSpec(name="o", commands=["true"], timeout=1), status=status, attempt=1, **fields)


def test_there_is_no_axis_before_anything_has_started():
    assert axis([order(OrderStatus.QUEUED)], NOON) is None


def test_the_axis_goes_from_the_first_start_to_the_last_end():
    found = axis([order(started_at=at(1), ended_at=at(3)), order(started_at=at(2), ended_at=at(9))], at(100))
    assert found == Axis(at(1), 8.0)


def test_the_axis_of_a_running_job_ends_now():
    found = axis([order(OrderStatus.RUNNING, started_at=at(0))], at(50))
    assert found.marks == ("0 s", "25.0 s", "50.0 s")


def test_a_bar_stands_where_the_order_ran():
    (bar,) = bars(order(started_at=at(2), ended_at=at(7)), Axis(at(0), 10), at(20))
    assert (bar.x, bar.width, bar.tone) == (200, 500, "ok")


def test_an_order_that_took_no_time_can_still_be_seen():
    (bar,) = bars(order(started_at=at(10), ended_at=at(10)), Axis(at(0), 10), at(20))
    assert bar.x + bar.width <= 1000
    assert bar.width > 0


def test_earlier_attempts_have_bars_of_their_own():
    earlier = Attempt(number=1, status=OrderStatus.FAILED, started_at=at(0), ended_at=at(1))
    second = order(started_at=at(5), ended_at=at(6), attempts=(earlier,))
    tones = [bar.tone for bar in bars(replace(second, attempt=2), Axis(at(0), 10), at(20))]
    assert tones == ["fail", "ok"]
