"""Jobs as a terminal shows them."""

from datetime import timedelta

import pytest
from rich.console import Console

from chalicelib.client import LogPart
from chalicelib.clock import to_text
from chalicelib.watching import draw, exit_code, follow, job_table, read_log, summary, watch_lines
from tests.clocks import START


def job(status="running", *, orders=(), warnings=0, reason="", started=0.0, ended=None):
    return {
        "job_id": "01J",
        "name": "tea",
        "username": "ada@example.org",
        "status": status,
        "reason": reason,
        "warnings": warnings,
        "created_at": to_text(START),
        "started_at": to_text(START + timedelta(seconds=started)),
        "ended_at": to_text(START + timedelta(seconds=ended)) if ended is not None else None,
        "done_count": 0,
        "order_count": len(orders),
        "orders": [order(number, *each) for number, each in enumerate(orders, 1)],
    }


def order(number, status, reason=""):
    started = None if status == "queued" else to_text(START)
    return {
        "order_num": f"{number:04d}",
        "order_name": f"order-{number:04d}",
        "status": status,
        "reason": reason,
        "started_at": started,
        "ended_at": None,
    }


def drawn(picture, *, height=40):
    console = Console(width=100, height=height, force_terminal=False)
    with console.capture() as captured:
        console.print(picture)
    return captured.get()


@pytest.mark.parametrize(
    ("status", "warnings", "code"),
    [("succeeded", 0, 0), ("succeeded", 1, 2), ("failed", 0, 1), ("timed_out", 0, 1), ("cancelled", 3, 1)],
)
def test_the_exit_code_tells_how_a_job_ended(status, warnings, code):
    assert exit_code(job(status, warnings=warnings)) == code


def test_following_ends_with_the_job():
    looks = iter([job("queued"), job("running"), job("failed"), job("queued")])
    seen = follow(looks.__next__, pause=lambda _: None)
    assert [each["status"] for each in seen] == ["queued", "running", "failed"]


def test_lines_tell_each_change_once():
    lines = []
    running, done = (
        job(orders=[("running",), ("queued",)]),
        job("failed", orders=[("failed", "exit code 3"), ("queued",)]),
    )
    watch_lines([running, running, done], lines.append)
    assert lines == ["0001 order-0001: running", "0001 order-0001: failed (exit code 3)"]


def test_a_picture_shows_each_order_with_its_reason_and_time():
    shown = drawn(
        draw(job(orders=[("running",), ("queued", "waits for order-0001")]), START + timedelta(seconds=75), height=40)
    )
    assert "0001  order-0001  running  1 min 15 s" in shown
    assert "waits for order-0001" in shown


def test_a_picture_of_many_orders_shows_first_what_needs_a_look():
    orders = [("succeeded",)] * 50 + [("failed", "exit code 3")]
    shown = drawn(draw(job(orders=orders), START, height=20))
    assert "0051  order-0051  failed" in shown
    assert "37 more orders" in shown


def test_a_picture_says_that_the_server_does_not_answer():
    assert "trying again (refused)" in drawn(draw(job(orders=[("running",)]), START, height=40, note="refused"))


def test_names_are_shown_as_they_are_written():
    tricky = {**job(orders=[("running",)]), "name": "[red]x[/red]"}
    assert "[red]x[/red]" in drawn(draw(tricky, START, height=40))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (job("succeeded", ended=2), "tea succeeded in 2.0 s"),
        (job("succeeded", warnings=2, ended=2), "tea succeeded with 2 warnings in 2.0 s"),
        (job("timed_out", reason="job_timeout", ended=7300), "tea timed out: job_timeout in 2 h 1 min"),
    ],
)
def test_the_last_line_sums_up(given, told):
    assert summary(given) == told


def test_a_list_shows_how_far_each_job_is():
    shown = drawn(job_table([{**job(warnings=1), "done_count": 3, "order_count": 7}]))
    assert "running (1 warning)  3/7     tea" in shown


def test_a_log_is_read_to_what_is_there():
    parts = iter([LogPart(b"one", 3, complete=False), LogPart(b"", 3, complete=False)])
    assert b"".join(read_log(lambda _: next(parts), until_complete=False)) == b"one"


def test_a_log_is_followed_to_the_order_s_end():
    parts = {0: [b"one"], 3: [b"", b"two"]}
    seen = read_log(
        lambda offset: LogPart(text := parts[offset].pop(0), offset + len(text), complete=text == b"two"),
        until_complete=True,
        pause=lambda _: None,
    )
    assert b"".join(seen) == b"onetwo"
