from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.queues.sqlite import SqliteQueues
from chalicelib.sqlite import Database
from tests.clocks import ManualClock
from tests.contracts import queues as contract


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pass_time(clock: ManualClock) -> Callable[[float], None]:
    return clock.tick


@pytest.fixture(params=["memory", "file"])
def queues(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[SqliteQueues]:
    path, wakes = (tmp_path / "millrace.db", tmp_path / "wake") if request.param == "file" else (None, None)
    with closing(Database(path)) as database:
        yield SqliteQueues(database, clock, wakes)


class TestQueues(contract.QueuesContract):
    pass


class TestDeadLetters(contract.DeadLettersContract):
    pass


class TestTimes(contract.QueueTimesContract):
    pass


class TestFairness(contract.QueueFairnessContract):
    pass
