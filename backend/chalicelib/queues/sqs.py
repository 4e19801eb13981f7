"""Queues in SQS: a standard queue and its dead-letter queue for each name.

The group of a message is its MessageGroupId, by which SQS's fair queues keep one tenant from holding up the others.
Where a port's promise is stricter than a standard queue, SQS's own holds: receives are counted approximately, and an
older receipt of a message that someone else has received meanwhile may still work.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote, unquote

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Invalid, Unavailable
from chalicelib.queues import MAX_RECEIVES, Message, Received
from chalicelib.queues.checks import GROUP_LIMIT, check_name, encode_messages

BATCH_COUNT = 10
BATCH_BYTES = 256 * 1024
LONGEST_WAIT = 20
LONGEST_VISIBILITY = 12 * 60 * 60
"""From the receive on. A message that is longer at work comes again, and its order is found at work."""
LATEST_EXTENSION = 60
"""Seconds after the receive at which its message is still extended as far as possible: SQS refuses what is beyond."""
RETENTION = 14 * 24 * 60 * 60
ATTEMPTS = 4

DEAD = "_dead"
"""No name of ours has an underscore, so that no queue can be mistaken for another's dead letters."""

SETTLE = 1
"""Seconds to wait for dead letters: a receive without waiting asks only some of SQS's servers."""
PEEK = 10
"""Seconds that dead letters are hidden if the one that looks at them dies meanwhile."""

GROUP_CHARACTERS = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
UNKNOWN_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
STALE = frozenset(
    {
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
    }
)

Entry = Mapping[str, Any]


def create_queue(client: Client, prefix: str, name: str) -> str:
    """Makes the queue and its dead-letter queue where they are missing; the queue's URL."""
    kept = {"MessageRetentionPeriod": str(RETENTION)}
    dead = call(client.create_queue, QueueName=prefix + name + DEAD, Attributes=kept)["QueueUrl"]
    described = call(client.get_queue_attributes, QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": described["Attributes"]["QueueArn"], "maxReceiveCount": MAX_RECEIVES}
    attributes = kept | {"RedrivePolicy": json.dumps(policy)}
    return str(call(client.create_queue, QueueName=prefix + name, Attributes=attributes)["QueueUrl"])


class SqsQueues:
    """Makes a queue on its first use where its role lets it; infrastructure makes those that are known beforehand."""

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._urls: dict[str, str] = {}

    def send(self, queue: str, messages: Sequence[Message], *, durable: bool = True) -> None:  # noqa: ARG002 - all is durable there
        check_name(queue)
        bodies = encode_messages(messages)
        self._send(self._url(queue), [_entry(message, body) for message, body in zip(messages, bodies, strict=True)])

    def receive(self, queue: str, *, limit: int = 1, wait: float = 0, visibility: float = 30) -> list[Received]:
        check_name(queue)
        found = self._receive(self._url(queue), limit=limit, wait=wait, visibility=visibility)
        return [_received(message) for message in found]

    def extend(self, queue: str, receipt: str, *, visibility: float) -> bool:
        check_name(queue)
        if not receipt:
            return False
        message = {"QueueUrl": self._url(queue), "ReceiptHandle": receipt}
        try:
            call(
                self._client.change_message_visibility,
                **message,
                VisibilityTimeout=_hidden(visibility, LATEST_EXTENSION),
            )
        except Refused as refused:
            if refused.code in STALE:
                return False
            raise
        return True

    def acknowledge(self, queue: str, receipts: Sequence[str]) -> None:
        check_name(queue)
        self._delete(self._url(queue), [receipt for receipt in receipts if receipt])

    def depth(self, queue: str) -> int:
        check_name(queue)
        return self._count(self._url(queue), "", "NotVisible", "Delayed")

    def has_waiting(self, queue: str) -> bool:
        check_name(queue)
        return self._count(self._url(queue), "") > 0

    def _count(self, url: str, *kinds: str) -> int:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
        answer = call(self._client.get_queue_attributes, QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def dead(self, queue: str, *, limit: int = 10) -> list[Mapping[str, Any]]:
        check_name(queue)
        url = self._url(queue, DEAD)
        found = self._receive(url, limit=limit, wait=SETTLE, visibility=PEEK)
        shown = [{"ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0} for message in found]
        self._in_batches(self._client.change_message_visibility_batch, url, shown)
        found.sort(key=lambda message: int(message["Attributes"]["SentTimestamp"]))
        return [json.loads(message["Body"]) for message in found]

    def dead_depth(self, queue: str) -> int:
        check_name(queue)
        return self._count(self._url(queue, DEAD), "", "NotVisible")

    def redrive(self, queue: str) -> int:
        check_name(queue)
        url, dead = self._url(queue), self._url(queue, DEAD)
        moved = 0
        while batch := self._receive(dead, limit=BATCH_COUNT, wait=SETTLE, visibility=60):
            self._send(url, [_copy(message) for message in batch])
            self._delete(dead, [message["ReceiptHandle"] for message in batch])
            moved += len(batch)
        return moved

    def _url(self, queue: str, suffix: str = "") -> str:
        name = queue + suffix
        if name not in self._urls:
            self._urls[name] = self._find(queue, suffix)
        return self._urls[name]

    def _find(self, queue: str, suffix: str) -> str:
        wanted = {"QueueName": self._prefix + queue + suffix}
        try:
            return str(call(self._client.get_queue_url, **wanted)["QueueUrl"])
        except Refused as refused:
            if refused.code not in UNKNOWN_QUEUE:
                raise
        create_queue(self._client, self._prefix, queue)
        return str(call(self._client.get_queue_url, **wanted)["QueueUrl"])

    def _receive(self, url: str, *, limit: int, wait: float, visibility: float) -> list[dict[str, Any]]:
        """SQS gives at most 10 messages at a time and waits at most 20 seconds for the first."""
        until = monotonic() + wait
        found: list[dict[str, Any]] = []
        while True:
            left = 0 if found else max(0, until - monotonic())
            asked = min(BATCH_COUNT, limit - len(found))
            answer = call(
                self._client.receive_message,
                QueueUrl=url,
                MaxNumberOfMessages=asked,
                WaitTimeSeconds=min(LONGEST_WAIT, ceil(left)),
                VisibilityTimeout=_hidden(visibility),
                MessageSystemAttributeNames=["ApproximateReceiveCount", "MessageGroupId", "SentTimestamp"],
            )
            batch = answer.get("Messages", [])
            found += batch
            if len(found) == limit or (len(found) > 0 and len(batch) < asked) or (not found and monotonic() >= until):
                return found

    def _send(self, url: str, entries: Sequence[Entry]) -> None:
        refused = self._in_batches(self._client.send_message_batch, url, entries)
        if refused:
            raise Invalid(f"SQS does not take a message: {refused[0].get('Message', refused[0]['Code'])}")

    def _delete(self, url: str, receipts: Sequence[str]) -> None:
        entries = [{"ReceiptHandle": receipt} for receipt in receipts]
        self._in_batches(self._client.delete_message_batch, url, entries)

    def _in_batches(self, operation: Any, url: str, entries: Sequence[Entry]) -> list[Entry]:
        """Does the operation on all entries; those failures that the entries themselves are to blame for."""
        return [failure for batch in _batches(entries) for failure in _do(operation, url, batch)]


def _do(operation: Any, url: str, batch: Sequence[Entry]) -> list[Entry]:
    left = {str(number): entry for number, entry in enumerate(batch)}
    blamed: list[Entry] = []
    for attempt in range(ATTEMPTS):
        answer = call(operation, QueueUrl=url, Entries=[{"Id": each, **entry} for each, entry in left.items()])
        failures = answer.get("Failed", [])
        blamed += [failure for failure in failures if failure["SenderFault"]]
        left = {failure["Id"]: left[failure["Id"]] for failure in failures if not failure["SenderFault"]}
        if not left:
            return blamed
        sleep(0.05 * 2**attempt)
    raise Unavailable("SQS is overloaded: it leaves messages of a batch undone.")


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        weight = len(entry.get("MessageBody", "").encode())
        if batch and (len(batch) == BATCH_COUNT or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += weight
    if batch:
        yield batch


def _entry(message: Message, body: bytes) -> Entry:
    # Of all that JSON leaves unescaped, SQS refuses these two.
    text = body.decode().replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    group = quote(message.group, safe=GROUP_CHARACTERS)
    if len(group) > GROUP_LIMIT:
        raise Invalid(f"A message's group has at most {GROUP_LIMIT} characters once those outside ASCII are encoded.")
    return {"MessageBody": text, "MessageGroupId": group, "DelaySeconds": ceil(message.delay)}


def _copy(message: Mapping[str, Any]) -> Entry:
    return {"MessageBody": message["Body"], "MessageGroupId": message["Attributes"]["MessageGroupId"]}


def _received(message: Mapping[str, Any]) -> Received:
    attributes = message["Attributes"]
    return Received(
        body=json.loads(message["Body"]),
        group=unquote(attributes["MessageGroupId"]),
        receipt=message["ReceiptHandle"],
        receives=int(attributes["ApproximateReceiveCount"]),
    )


def _hidden(visibility: float, spent: int = 0) -> int:
    return min(LONGEST_VISIBILITY - spent, ceil(visibility))
