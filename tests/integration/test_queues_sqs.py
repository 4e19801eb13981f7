from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from chalicelib.errors import Invalid, Unavailable
from chalicelib.queues import MAX_RECEIVES, Message
from chalicelib.queues.sqs import SqsQueues
from tests.contracts.queues import DeadLettersContract, QueuesContract, QueueTimesContract
from tests.integration.conftest import REGION

pytestmark = pytest.mark.integration

numbers = count(1)


@pytest.fixture(scope="module")
def client(aws: Callable[[str], Any]) -> Any:
    return aws("sqs")


@pytest.fixture
def prefix() -> str:
    return f"millrace-{next(numbers)}-"


@pytest.fixture
def queues(client: Any, prefix: str) -> SqsQueues:
    return SqsQueues(client, prefix)


@pytest.fixture
def pass_time(prefix: str) -> Callable[[float], None]:
    """Ages what the emulator holds; its own clock is the machine's."""
    emulated = get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION]

    def age(seconds: float) -> None:
        for name, queue in emulated.queues.items():
            for message in queue._messages if name.startswith(prefix) else ():
                message.visible_at -= seconds * 1000
                message.delayed_until -= seconds * 1000

    return age


class TestQueues(QueuesContract):
    pass


class TestDeadLetters(DeadLettersContract):
    pass


class TestTimes(QueueTimesContract):
    @pytest.mark.skip(reason="a standard queue may honour an older receipt, and the emulator always does")
    def test_a_receipt_is_stale_once_another_has_the_message(self) -> None: ...


def test_more_than_sqs_gives_at_a_time(queues: SqsQueues) -> None:
    queues.send("work", [Message({"n": number}) for number in range(25)])
    received = queues.receive("work", limit=22)
    assert len({message.body["n"] for message in received}) == 22


def test_large_messages_go_in_several_batches(queues: SqsQueues) -> None:
    queues.send("work", [Message({"text": "x" * 199_000})] * 7)
    assert queues.depth("work") == 7


def test_characters_that_sqs_refuses_arrive(queues: SqsQueues) -> None:
    queues.send("work", [Message({"text": "\x00\x7f\ufffe\uffff"}, group="ä b%41")])
    [message] = queues.receive("work")
    assert (message.body, message.group) == ({"text": "\x00\x7f\ufffe\uffff"}, "ä b%41")


def test_a_group_too_long_for_sqs_is_refused(queues: SqsQueues) -> None:
    with pytest.raises(Invalid):
        queues.send("work", [Message({}, group="ä" * 128)])


def test_part_of_a_second_hides_for_a_whole_one(queues: SqsQueues, pass_time: Callable[[float], None]) -> None:
    queues.send("work", [Message({})])
    queues.receive("work", visibility=0.2)
    pass_time(0.5)
    assert queues.receive("work") == []


def test_part_of_a_second_delays_a_whole_one(queues: SqsQueues, pass_time: Callable[[float], None]) -> None:
    queues.send("work", [Message({}, delay=0.2)])
    pass_time(0.5)
    assert queues.receive("work") == []


class Strict:
    """Refuses, as SQS does, what would hide a message for more than twelve hours from its receive on."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def change_message_visibility(self, **request: Any) -> Any:
        if request["VisibilityTimeout"] > 12 * 3600 - 30:
            raise ClientError({"Error": {"Code": "InvalidParameterValue"}}, "ChangeMessageVisibility")
        return self._client.change_message_visibility(**request)


def test_a_message_is_extended_for_as_long_as_sqs_can(client: Any, prefix: str) -> None:
    queues = SqsQueues(Strict(client), prefix)
    queues.send("work", [Message({})])
    [message] = queues.receive("work")
    assert queues.extend("work", message.receipt, visibility=86_400)


def test_redriven_messages_keep_their_group(queues: SqsQueues) -> None:
    queues.send("work", [Message({}, group="tenant 1")])
    for _ in range(MAX_RECEIVES + 1):
        queues.receive("work", visibility=0)
    queues.redrive("work")
    assert [message.group for message in queues.receive("work")] == ["tenant 1"]


class Failing:
    """Leaves the first message of each batch undone, `times` times."""

    def __init__(self, client: Any, times: int, *, sender_fault: bool = False) -> None:
        self._client = client
        self._left = times
        self._failure = {"SenderFault": sender_fault, "Code": "Whatever"}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def send_message_batch(self, **request: Any) -> Any:
        if self._left == 0:
            return self._client.send_message_batch(**request)
        self._left -= 1
        first, *rest = request.pop("Entries")
        if rest:
            self._client.send_message_batch(**request, Entries=rest)
        return {"Failed": [self._failure | {"Id": first["Id"]}]}


def test_what_sqs_left_undone_is_sent_again(client: Any, prefix: str) -> None:
    queues = SqsQueues(Failing(client, times=1), prefix)
    queues.send("work", [Message({"n": 1}), Message({"n": 2})])
    assert sorted(message.body["n"] for message in queues.receive("work", limit=10)) == [1, 2]


def test_a_message_that_sqs_never_takes_is_an_error(client: Any, prefix: str) -> None:
    queues = SqsQueues(Failing(client, times=99), prefix)
    with pytest.raises(Unavailable):
        queues.send("work", [Message({})])


def test_a_message_that_sqs_refuses_is_invalid(client: Any, prefix: str) -> None:
    queues = SqsQueues(Failing(client, times=1, sender_fault=True), prefix)
    with pytest.raises(Invalid):
        queues.send("work", [Message({})])
