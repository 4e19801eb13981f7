"""Port: messages to whoever is free.

- At least once: a message can arrive twice, and in any order. Every consumer is written for that.
- A received message is hidden for `visibility` seconds; not acknowledged by then, it comes again. After `MAX_RECEIVES`
  receives it goes to the dead letters of its queue.
- Fair: when messages of several groups wait, the group with the fewest in flight is served first, and of those the one
  served longest ago, so that one tenant's 10,000 messages do not keep another's first one waiting. Inside a group,
  higher `priority` first (not on AWS, where SQS knows none), then about first in, first out.
- `receive` returns as soon as a message is there, also one sent by another process.
- Queues need no creation by the caller; names are letters, digits and hyphens, at most 60.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MAX_RECEIVES = 10
BATCH_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Message:
    """`body` is JSON, at most 200 KB. It is first seen after `delay` seconds (0..900)."""

    body: Mapping[str, Any]
    group: str = "default"
    delay: float = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """`receipt` stands for this one receive; `receives` counts from 1."""

    body: Mapping[str, Any]
    group: str
    receipt: str
    receives: int


class Queues(Protocol):
    def send(self, queue: str, messages: Sequence[Message], *, durable: bool = True) -> None:
        """At most BATCH_LIMIT messages; all of them or an error.

        What need not be `durable` is on its way at the return, and may be lost with its process.
        """
        ...

    def receive(self, queue: str, *, limit: int = 1, wait: float = 0, visibility: float = 30) -> list[Received]:
        """Up to `limit` messages; an empty list when none came within `wait` seconds."""
        ...

    def extend(self, queue: str, receipt: str, *, visibility: float) -> bool:
        """Hide the message for `visibility` seconds from now; False when the receipt is stale."""
        ...

    def acknowledge(self, queue: str, receipts: Sequence[str]) -> None:
        """Done with them for good; stale receipts are ignored."""
        ...

    def depth(self, queue: str) -> int:
        """How many messages wait or are in flight (on AWS: about)."""
        ...

    def has_waiting(self, queue: str) -> bool:
        """Whether a message could be received now (on AWS: about)."""
        ...

    def dead(self, queue: str, *, limit: int = 10) -> list[Mapping[str, Any]]:
        """Bodies of dead letters, oldest first (on AWS: some of them)."""
        ...

    def dead_depth(self, queue: str) -> int:
        """How many dead letters there are (on AWS: about)."""
        ...

    def redrive(self, queue: str) -> int:
        """Send all dead letters again; their number."""
        ...
