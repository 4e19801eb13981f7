from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.errors import Invalid
from chalicelib.queues import BATCH_LIMIT, MAX_RECEIVES, Message, Queues

PassTime = Callable[[float], None]
ONE = {"n": 1}


def send(queues: Queues, *numbers: int, group: str = "default", queue: str = "work") -> None:
    queues.send(queue, [Message({"n": number}, group=group) for number in numbers])


def drain(queues: Queues, queue: str = "work", visibility: float = 30) -> list[Any]:
    """Numbers of all messages that can be received now, in the order they came."""
    seen = []
    while batch := queues.receive(queue, limit=10, visibility=visibility):
        seen += [message.body["n"] for message in batch]
    return seen


class QueuesContract:
    def test_it_works(self, queues: Queues) -> None:
        queues.send("work", [Message({"text": "grün ✓", "n": [1, 2.5, None, True]}, group="tenant-1")])
        [message] = queues.receive("work")
        assert message.body == {"text": "grün ✓", "n": [1, 2.5, None, True]}
        assert (message.group, message.receives) == ("tenant-1", 1)

    def test_what_need_not_be_durable_comes_too(self, queues: Queues) -> None:
        for number in range(300):
            queues.send("work", [Message({"n": number})], durable=False)
        seen: set[int] = set()
        while len(seen) < 300 and (received := queues.receive("work", limit=10, wait=5)):
            seen |= {message.body["n"] for message in received}
        assert seen == set(range(300))

    def test_an_empty_queue_gives_nothing(self, queues: Queues) -> None:
        assert queues.receive("work") == []
        assert queues.depth("work") == 0
        assert queues.dead("work") == []

    def test_a_received_message_is_hidden(self, queues: Queues) -> None:
        send(queues, 1)
        queues.receive("work")
        assert queues.receive("work") == []

    def test_no_message_is_given_twice_or_lost(self, queues: Queues) -> None:
        send(queues, *range(25))
        assert sorted(drain(queues)) == list(range(25))

    def test_never_more_than_asked_for(self, queues: Queues) -> None:
        send(queues, 1, 2, 3)
        assert len(queues.receive("work", limit=2)) == 2

    def test_an_acknowledged_message_is_gone(self, queues: Queues) -> None:
        send(queues, 1)
        [message] = queues.receive("work", visibility=0)
        queues.acknowledge("work", [message.receipt])
        assert queues.receive("work") == []
        assert queues.depth("work") == 0

    def test_visibility_zero_shows_it_again_at_once(self, queues: Queues) -> None:
        send(queues, 1)
        queues.receive("work", visibility=0)
        [again] = queues.receive("work")
        assert (again.body, again.receives) == (ONE, 2)

    def test_extending_by_zero_gives_it_back(self, queues: Queues) -> None:
        send(queues, 1)
        [message] = queues.receive("work")
        assert queues.extend("work", message.receipt, visibility=0) is True
        assert [again.receives for again in queues.receive("work")] == [2]

    def test_extending_what_is_done_is_refused(self, queues: Queues) -> None:
        send(queues, 1)
        [message] = queues.receive("work")
        queues.acknowledge("work", [message.receipt])
        assert queues.extend("work", message.receipt, visibility=30) is False

    @pytest.mark.parametrize("receipt", ["", "nonsense", "1", "1:1:1", "\0", "x" * 2000])
    def test_a_foreign_receipt_is_ignored(self, queues: Queues, receipt: str) -> None:
        send(queues, 1)
        assert queues.extend("work", receipt, visibility=30) is False
        queues.acknowledge("work", [receipt])
        assert queues.depth("work") == 1

    def test_acknowledging_many(self, queues: Queues) -> None:
        send(queues, *range(25))
        receipts: list[str] = []
        while batch := queues.receive("work", limit=10):
            receipts += [message.receipt for message in batch]
        queues.acknowledge("work", receipts)
        queues.acknowledge("work", receipts)
        queues.acknowledge("work", [])
        assert queues.depth("work") == 0

    def test_depth_counts_waiting_delayed_and_in_flight(self, queues: Queues) -> None:
        send(queues, 1, 2)
        queues.send("work", [Message(ONE, delay=60)])
        queues.receive("work")
        assert queues.depth("work") == 3

    def test_queues_are_apart(self, queues: Queues) -> None:
        send(queues, 1)
        assert queues.receive("work-2") == []
        assert queues.depth("work-2") == 0

    def test_a_full_batch_is_sent_whole(self, queues: Queues) -> None:
        send(queues, *range(BATCH_LIMIT))
        assert queues.depth("work") == BATCH_LIMIT

    def test_a_batch_has_a_limit(self, queues: Queues) -> None:
        with pytest.raises(Invalid):
            send(queues, *range(BATCH_LIMIT + 1))
        assert queues.depth("work") == 0

    def test_sending_nothing_is_no_error(self, queues: Queues) -> None:
        queues.send("work", [])
        assert queues.depth("work") == 0

    @pytest.mark.parametrize(
        "message",
        [
            Message({"text": "x" * 200_000}),
            Message({"value": object()}),
            Message(ONE, delay=-1),
            Message(ONE, delay=901),
            Message(ONE, group=""),
            Message(ONE, group="x" * 129),
        ],
        ids=["large", "not-json", "early", "late", "no-group", "long-group"],
    )
    def test_a_bad_message_refuses_the_batch(self, queues: Queues, message: Message) -> None:
        with pytest.raises(Invalid):
            queues.send("work", [Message(ONE), message])
        assert queues.depth("work") == 0

    def test_a_large_message_arrives(self, queues: Queues) -> None:
        queues.send("work", [Message({"text": "x" * 199_000})])
        assert len(queues.receive("work")[0].body["text"]) == 199_000

    @pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", "ä", "x" * 61, "a\0", "a~b", "a.b", "a\n"])
    def test_a_bad_name_is_refused(self, queues: Queues, name: str) -> None:
        with pytest.raises(Invalid):
            send(queues, 1, queue=name)
        with pytest.raises(Invalid):
            queues.receive(name)

    def test_a_waiting_receiver_gets_what_is_sent_meanwhile(self, queues: Queues) -> None:
        queues.receive("work")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(queues.receive, "work", wait=10)
            send(queues, 1)
            assert [message.body for message in waiting.result(9)] == [ONE]


class DeadLettersContract:
    def kill(self, queues: Queues, *numbers: int) -> None:
        send(queues, *numbers)
        for _ in range(MAX_RECEIVES):
            drain_once = queues.receive("work", limit=10, visibility=0)
            assert len(drain_once) == len(numbers)
        assert queues.receive("work", limit=10) == []

    def test_a_message_received_too_often_goes_to_the_dead(self, queues: Queues) -> None:
        self.kill(queues, 1)
        assert queues.dead("work") == [ONE]
        assert (queues.depth("work"), queues.dead_depth("work")) == (0, 1)

    def test_the_last_receive_still_counts(self, queues: Queues) -> None:
        send(queues, 1)
        for _ in range(MAX_RECEIVES - 1):
            queues.receive("work", visibility=0)
        [last] = queues.receive("work")
        assert last.receives == MAX_RECEIVES
        queues.acknowledge("work", [last.receipt])
        assert queues.depth("work") == 0
        assert queues.dead("work") == []

    def test_looking_at_the_dead_leaves_them(self, queues: Queues) -> None:
        self.kill(queues, 1, 2, 3)
        assert queues.dead_depth("work") == 3
        assert len(queues.dead("work", limit=2)) == 2
        assert sorted(body["n"] for body in queues.dead("work")) == [1, 2, 3]

    def test_redriven_messages_start_again(self, queues: Queues) -> None:
        self.kill(queues, 1, 2)
        assert queues.redrive("work") == 2
        assert queues.dead("work") == []
        assert sorted((m.body["n"], m.receives) for m in queues.receive("work", limit=10)) == [(1, 1), (2, 1)]

    def test_redriving_nothing_moves_nothing(self, queues: Queues) -> None:
        send(queues, 1)
        assert queues.redrive("work") == 0
        assert queues.depth("work") == 1


class QueueTimesContract:
    """`pass_time(seconds)` makes the adapter's time pass; leave this class out where an emulator cannot."""

    def test_an_unacknowledged_message_comes_again(self, queues: Queues, pass_time: PassTime) -> None:
        send(queues, 1)
        queues.receive("work", visibility=30)
        pass_time(28)
        assert queues.receive("work") == []
        pass_time(4)
        assert [(m.body, m.receives) for m in queues.receive("work")] == [(ONE, 2)]

    def test_a_delayed_message_is_first_seen_after_its_delay(self, queues: Queues, pass_time: PassTime) -> None:
        queues.send("work", [Message(ONE, delay=60)])
        pass_time(58)
        assert queues.receive("work") == []
        pass_time(4)
        assert [(m.body, m.receives) for m in queues.receive("work")] == [(ONE, 1)]

    def test_extending_keeps_it_hidden(self, queues: Queues, pass_time: PassTime) -> None:
        send(queues, 1)
        [message] = queues.receive("work", visibility=30)
        pass_time(20)
        assert queues.extend("work", message.receipt, visibility=30) is True
        pass_time(20)
        assert queues.receive("work") == []
        pass_time(12)
        assert [m.receives for m in queues.receive("work")] == [2]

    def test_a_receipt_is_stale_once_another_has_the_message(self, queues: Queues, pass_time: PassTime) -> None:
        send(queues, 1)
        [first] = queues.receive("work", visibility=30)
        pass_time(32)
        [second] = queues.receive("work", visibility=30)
        assert queues.extend("work", first.receipt, visibility=0) is False
        queues.acknowledge("work", [first.receipt])
        assert queues.depth("work") == 1
        assert queues.extend("work", second.receipt, visibility=30) is True

    def test_acknowledging_late_still_works_when_nobody_else_has_it(self, queues: Queues, pass_time: PassTime) -> None:
        send(queues, 1)
        [message] = queues.receive("work", visibility=30)
        pass_time(32)
        queues.acknowledge("work", [message.receipt])
        assert queues.receive("work") == []


class QueueFairnessContract:
    """Order between and inside groups; emulators of SQS do not show it."""

    def test_first_in_first_out_inside_a_group(self, queues: Queues) -> None:
        send(queues, 1, 2, 3)
        send(queues, 4)
        assert drain(queues) == [1, 2, 3, 4]

    def test_only_what_can_be_received_is_waiting(self, queues: Queues) -> None:
        assert not queues.has_waiting("work")
        send(queues, 1)
        assert queues.has_waiting("work")
        queues.receive("work")
        assert not queues.has_waiting("work")

    def test_a_small_group_does_not_wait_behind_a_large_one(self, queues: Queues) -> None:
        send(queues, *range(50), group="large")
        assert queues.receive("work")[0].group == "large"
        send(queues, 99, group="small")
        assert queues.receive("work")[0].body == {"n": 99}

    def test_groups_take_turns(self, queues: Queues) -> None:
        for group in ("a", "b", "c"):
            send(queues, 1, 2, group=group)
        order = [queues.receive("work")[0] for _ in range(6)]
        assert [(m.group, m.body["n"]) for m in order] == [(g, n) for n in (1, 2) for g in ("a", "b", "c")]

    def test_a_group_just_served_waits_for_the_others_even_with_nothing_in_flight(self, queues: Queues) -> None:
        send(queues, *range(50), group="large")
        queues.acknowledge("work", [queues.receive("work")[0].receipt])
        send(queues, 99, group="small")
        assert queues.receive("work")[0].group == "small"

    def test_higher_priority_goes_first_inside_its_group(self, queues: Queues) -> None:
        queues.send("work", [Message({"n": n}, priority=n) for n in (1, 3, 2)])
        assert drain(queues) == [3, 2, 1]

    def test_a_batch_is_shared_between_groups(self, queues: Queues) -> None:
        for group in ("a", "b", "c"):
            send(queues, *range(10), group=group)
        batch = queues.receive("work", limit=6)
        assert sorted(message.group for message in batch) == ["a", "a", "b", "b", "c", "c"]

    def test_what_was_acknowledged_is_no_longer_in_flight(self, queues: Queues) -> None:
        send(queues, 1, 2, 3, group="a")
        [first] = queues.receive("work")
        send(queues, 1, 2, group="b")
        queues.receive("work")
        queues.acknowledge("work", [first.receipt])
        assert queues.receive("work")[0].group == "a"
