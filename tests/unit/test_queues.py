import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chalicelib.clock import SystemClock
from chalicelib.queues import MAX_RECEIVES, Message
from chalicelib.queues import sqlite as statements
from chalicelib.queues.sqlite import SqliteQueues
from chalicelib.queues.wakes import FifoWakes, ThreadWakes, Wakes
from chalicelib.sqlite import Database
from tests import writers
from tests.clocks import ManualClock
from tests.contracts import queues as contract


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


class TestPlans:
    """No statement reads more than it answers with, however many messages wait."""

    @pytest.mark.parametrize(
        "sql",
        [
            statements.PEEK,
            statements.DUE,
            statements.NEXT,
            statements.TAKE,
            statements.EXTEND,
            statements.ACKNOWLEDGE,
            statements.DEPTH,
            statements.DEAD,
            statements.DEAD_GROUPS,
            statements.COUNT_GROUP,
        ],
    )
    def test_nothing_is_scanned_or_sorted(self, sql: str) -> None:
        with closing(Database(None)) as database:
            parameters = [None] * (2 if "?2" in sql else 1 if "?1" in sql else sql.count("?"))
            steps = [row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        assert [step for step in steps if "SCAN messages" in step or "SCAN message_groups" in step] == []
        assert [step for step in steps if "ORDER BY" in step] == []

    def test_groups_without_messages_leave_nothing(self) -> None:
        with closing(Database(None)) as database:
            queues = SqliteQueues(database, ManualClock(), None)
            queues.send("work", [Message({}, group=f"{n}") for n in range(20)])
            queues.acknowledge("work", [message.receipt for message in queues.receive("work", limit=20)])
            assert database.rows("SELECT * FROM message_groups") == []

    def test_receipts_are_never_used_again(self, queues: SqliteQueues) -> None:
        queues.send("work", [Message({})])
        [first] = queues.receive("work")
        queues.acknowledge("work", [first.receipt])
        queues.send("work", [Message({})])
        [second] = queues.receive("work")
        queues.acknowledge("work", [first.receipt])
        assert queues.depth("work") == 1
        assert first.receipt != second.receipt

    def test_dead_letters_come_oldest_first(self, queues: SqliteQueues) -> None:
        queues.send("work", [Message({"n": n}, group=f"{9 - n}") for n in range(5)])
        for _ in range(11):
            queues.receive("work", limit=5, visibility=0)
        assert [body["n"] for body in queues.dead("work", limit=3)] == [0, 1, 2]


class TestWaiting:
    """In real time."""

    @pytest.fixture(params=["memory", "file"])
    def queues(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteQueues]:
        if request.param == "file":
            yield writers.open_queues(tmp_path)
        else:
            with closing(Database(None)) as database:
                yield SqliteQueues(database, SystemClock(), None)

    def test_a_delayed_message_wakes_its_receiver(self, queues: SqliteQueues) -> None:
        started = time.monotonic()
        queues.send("work", [Message({}, delay=0.2)])
        assert len(queues.receive("work", wait=4)) == 1
        assert 0.19 < time.monotonic() - started < 2

    def test_a_message_delayed_meanwhile_wakes_too(self, queues: SqliteQueues) -> None:
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(queues.receive, "work", wait=0.6) for _ in range(2)]
            time.sleep(0.1)
            queues.send("work", [Message({}, delay=0.2)])
            assert sum(len(each.result(4)) for each in waiting) == 1

    def test_an_unacknowledged_message_wakes_a_receiver_that_waits(self, queues: SqliteQueues) -> None:
        queues.send("work", [Message({})])
        queues.receive("work", visibility=0.2)
        assert [message.receives for message in queues.receive("work", wait=4)] == [2]

    def test_giving_a_message_back_wakes(self, queues: SqliteQueues) -> None:
        queues.send("work", [Message({})])
        [message] = queues.receive("work")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(queues.receive, "work", wait=4)
            time.sleep(0.1)
            queues.extend("work", message.receipt, visibility=0)
            assert len(waiting.result(3)) == 1

    def test_redriving_wakes(self, queues: SqliteQueues) -> None:
        queues.send("work", [Message({})])
        for _ in range(MAX_RECEIVES + 1):
            queues.receive("work", visibility=0)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(queues.receive, "work", wait=4)
            time.sleep(0.1)
            queues.redrive("work")
            assert len(waiting.result(3)) == 1

    def test_waiting_ends_in_time(self, queues: SqliteQueues) -> None:
        started = time.monotonic()
        assert queues.receive("work", wait=0.1) == []
        assert 0.09 < time.monotonic() - started < 2

    def test_many_waiters_share_many_messages(self, queues: SqliteQueues) -> None:
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(queues.receive, "work", wait=4) for _ in range(8)]
            time.sleep(0.1)
            for number in range(8):
                queues.send("work", [Message({"n": number})])
            received = [message.body["n"] for each in waiting for message in each.result(3)]
        assert sorted(received) == list(range(8))


class TestWakes:
    @pytest.fixture(params=[ThreadWakes, FifoWakes])
    def wakes(self, request: pytest.FixtureRequest, tmp_path: Path) -> Wakes:
        wakes: Wakes = ThreadWakes() if request.param is ThreadWakes else FifoWakes(tmp_path / "wake")
        return wakes

    def woken(self, wakes: Wakes, waiters: int, *counts: int, queue: str = "work") -> int:
        """How many waiters of `work` are reached by wakes of so many each."""
        with ExitStack() as stack:
            entered = [stack.enter_context(wakes.waiter("work")) for _ in range(waiters)]
            for count in counts:
                wakes.wake(queue, count)
            return sum(waiter.wait(0.02) for waiter in entered)

    def test_one_wake_is_for_one_waiter(self, wakes: Wakes) -> None:
        assert self.woken(wakes, 3, 1) == 1

    def test_each_wake_is_for_another(self, wakes: Wakes) -> None:
        assert self.woken(wakes, 3, 1, 1) == 2

    def test_everyone_can_be_woken(self, wakes: Wakes) -> None:
        assert self.woken(wakes, 3, 99) == 3

    def test_other_queues_are_left_alone(self, wakes: Wakes) -> None:
        assert self.woken(wakes, 2, 9, queue="work-2") == 0

    def test_a_waiter_leaves_nothing_behind(self, tmp_path: Path) -> None:
        wakes = FifoWakes(tmp_path / "wake")
        self.woken(wakes, 3, 1)
        assert list((tmp_path / "wake").iterdir()) == []

    def test_what_a_dead_process_left_is_removed(self, tmp_path: Path) -> None:
        wakes = FifoWakes(tmp_path / "wake")
        os.mkfifo(tmp_path / "wake" / "work~1-dead")
        assert self.woken(wakes, 2, 99) == 2
        assert list((tmp_path / "wake").iterdir()) == []


class TestProcesses:
    def test_a_forked_child_sends_what_need_not_be_durable(self, tmp_path: Path) -> None:
        with closing(Database(tmp_path / "millrace.db")) as database:
            queues = SqliteQueues(database, SystemClock(), tmp_path / "wake")
            queues.send("work", [Message({"n": 1})], durable=False)
            assert [each.body["n"] for each in queues.receive("work", wait=10)] == [1]
            child = os.fork()
            if child == 0:
                queues.send("work", [Message({"n": 2})], durable=False)
                signal.pause()
            assert [each.body["n"] for each in queues.receive("work", wait=10)] == [2]
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def test_each_message_reaches_one_process_once(self, tmp_path: Path) -> None:
        queues = writers.open_queues(tmp_path)
        names = ["first", "second"]
        processes = [writers.run(writers.receive_all, tmp_path, name) for name in names]
        for start in range(0, 300, 20):
            queues.send("work", [Message({"n": n}, group=f"{n % 7}") for n in range(start, start + 20)])
        for process in processes:
            process.join(20)
        received = [int(line) for name in names for line in (tmp_path / name).read_text().splitlines()]
        assert sorted(received) == list(range(300))

    def test_a_message_wakes_another_process(self, tmp_path: Path) -> None:
        queues = writers.open_queues(tmp_path)
        process = writers.run(writers.receive_one, tmp_path, "one")
        writers.wait_for(lambda: list((tmp_path / "wake").glob("work~*")))
        started = time.monotonic()
        queues.send("work", [Message({"n": 7})])
        writers.wait_for(lambda: (tmp_path / "one").exists() and (tmp_path / "one").read_text() == "7")
        assert time.monotonic() - started < 2, "it was found by looking again, not by waking"
        process.join(10)
