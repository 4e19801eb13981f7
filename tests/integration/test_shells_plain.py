"""Orders as they run where there is no Linux, or no bash."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.shells import Ending, Isolation, Shells, Stop
from tests.shells import Trial

pytestmark = pytest.mark.integration


@pytest.fixture
def order(tmp_path: Path) -> Iterator[Trial]:
    with Shells(tmp_path / "scratch", 1, plain=True) as shells:
        yield Trial(shells)


def test_it_works(order: Trial) -> None:
    assert order("cd /", 'echo "$PWD $A"', A="b").succeeded
    assert order.output == b"/ b\n"


def test_it_says_that_it_does_not_isolate(order: Trial) -> None:
    assert order.shells.isolation is Isolation.NONE


@pytest.mark.parametrize("failing", ["false", "exit 7", "nosuchcommand", "if", "kill -KILL $$"])
def test_the_first_command_that_fails_ends_the_order(order: Trial, failing: str) -> None:
    assert order("echo one", failing, "echo three").failed_command == 2
    assert b"three" not in order.output


def test_exit_0_ends_the_order_as_a_success(order: Trial) -> None:
    assert order("exit 0", "false").succeeded


def test_set_e_holds_within_later_commands(order: Trial) -> None:
    assert order("set -e", "false\necho no").failed_command == 2


def test_an_environment_that_cannot_be_is_not_started(order: Trial) -> None:
    assert order("true", A="a\0b").ending is Ending.NOT_STARTED


def test_a_timeout_ends_the_group(order: Trial) -> None:
    start = time.monotonic()
    outcome = order("trap '' TERM; echo begun; sleep 30 & wait; sleep 30", timeout=0.3)
    assert (outcome.ending, order.output) == (Ending.TIMED_OUT, b"begun\n")
    assert time.monotonic() - start < 2.3


def test_a_stop_ends_the_order(order: Trial) -> None:
    stop = Stop()
    threading.Timer(0.2, stop.set).start()
    assert order("sleep 30", stop=stop).ending is Ending.STOPPED


def test_closing_ends_what_runs(tmp_path: Path) -> None:
    shells = Shells(tmp_path / "scratch", 1, plain=True)
    threading.Timer(0.2, shells.close).start()
    assert Trial(shells)("sleep 30").ending is Ending.SIGNALLED


def test_it_leaves_no_descriptors_behind(order: Trial) -> None:
    before = len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))
    for _ in range(5):
        order("true")
    time.sleep(0.2)
    assert len(list(Path(f"/proc/{os.getpid()}/fd").iterdir())) == before
