"""What every adapter refuses before it touches its queues."""

import re
from collections.abc import Sequence

import orjson

from chalicelib.errors import Invalid
from chalicelib.queues import BATCH_LIMIT, Message

NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
BODY_LIMIT = 200_000
GROUP_LIMIT = 128
LONGEST_DELAY = 900


def check_name(queue: str) -> None:
    if not NAME.fullmatch(queue):
        raise Invalid("A queue's name has 1 to 60 letters, digits and hyphens.")


def encode_messages(messages: Sequence[Message]) -> list[bytes]:
    """The bodies as JSON. Raises Invalid when any message, or their number, is past what a queue takes."""
    if len(messages) > BATCH_LIMIT:
        raise Invalid(f"At most {BATCH_LIMIT} messages are sent at a time, not {len(messages)}.")
    return [_encode(message) for message in messages]


def _encode(message: Message) -> bytes:
    if not 0 <= message.delay <= LONGEST_DELAY:
        raise Invalid(f"A message is delayed by 0 to {LONGEST_DELAY} seconds.")
    if not 1 <= len(message.group) <= GROUP_LIMIT:
        raise Invalid(f"A message's group has 1 to {GROUP_LIMIT} characters.")
    try:
        body = orjson.dumps(message.body, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS)
    except orjson.JSONEncodeError as error:
        raise Invalid(f"A message is JSON: {error}.") from error
    if len(body) > BODY_LIMIT:
        raise Invalid(f"A message has at most {BODY_LIMIT} bytes of JSON, not {len(body)}.")
    return body
