"""Queues in the embedded database.

What is sent is durable. That it was received or acknowledged need not outlive a power cut: the message comes again.
"""

import math
import re
import sqlite3
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson

from chalicelib.clock import Clock
from chalicelib.queues import MAX_RECEIVES, Message, Received
from chalicelib.queues.checks import check_name, encode_messages
from chalicelib.queues.later import Later
from chalicelib.queues.wakes import FifoWakes, ThreadWakes, Wakes
from chalicelib.sqlite import Database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
LOOK_AGAIN = 5.0
"""Seconds after which a waiter looks without having been woken: the net for wakes lost with a killed process."""
DUE_AT_ONCE = 1000
EVERYONE = sys.maxsize
RECEIPT = re.compile(r"([0-9]{1,18})\.([0-9a-f]{16})")

SEND = "INSERT INTO messages (queue, group_name, priority, body, due, receives) VALUES (?, ?, ?, ?, ?, 0)"
PEEK = """
    SELECT EXISTS (SELECT 1 FROM message_groups WHERE queue = ?1 AND following IS NOT NULL),
           (SELECT due FROM messages WHERE queue = ?1 AND due IS NOT NULL ORDER BY due LIMIT 1)
"""
DUE = "SELECT id, group_name, receives FROM messages WHERE queue = ? AND due <= ? ORDER BY due LIMIT ?"
SHOW = "UPDATE messages SET due = NULL WHERE id = ?"
BURY = """
    INSERT INTO dead_letters (queue, group_name, priority, body)
    SELECT queue, group_name, priority, body FROM messages WHERE id = ?
"""
REMOVE = "DELETE FROM messages WHERE id = ?"
NEXT = """
    SELECT group_name, following FROM message_groups WHERE queue = ? AND following IS NOT NULL
    ORDER BY in_flight, taken, following LIMIT 1
"""
TAKE = "UPDATE messages SET due = ?, receives = receives + 1, receipt = ? WHERE id = ? RETURNING body, receives"
EXTEND = "UPDATE messages SET due = ? WHERE id = ? AND queue = ? AND receipt = ? RETURNING group_name"
ACKNOWLEDGE = "DELETE FROM messages WHERE id = ? AND queue = ? AND receipt = ? RETURNING group_name"
DEPTH = """
    SELECT (SELECT count(*) FROM messages WHERE queue = ?1 AND due IS NULL)
         + (SELECT count(*) FROM messages WHERE queue = ?1 AND due IS NOT NULL)
"""
DEAD = "SELECT body FROM dead_letters WHERE queue = ? ORDER BY id LIMIT ?"
DEAD_DEPTH = "SELECT count(*) FROM dead_letters WHERE queue = ?"
DEAD_GROUPS = "SELECT DISTINCT group_name FROM dead_letters WHERE queue = ?"
REVIVE = """
    INSERT INTO messages (queue, group_name, priority, body, receives)
    SELECT queue, group_name, priority, body, 0 FROM dead_letters WHERE queue = ? ORDER BY id
"""
CLEAR_DEAD = "DELETE FROM dead_letters WHERE queue = ?"
COUNT_GROUP = """
    SELECT (SELECT count(*) FROM messages
            WHERE queue = ?1 AND group_name = ?2 AND due IS NOT NULL AND receives > 0),
           (SELECT id FROM messages WHERE queue = ?1 AND group_name = ?2 AND due IS NULL
            ORDER BY priority DESC, id LIMIT 1)
"""
SAVE_GROUP = """
    INSERT INTO message_groups (queue, group_name, in_flight, taken, following) VALUES (?1, ?2, ?3, 0, ?4)
    ON CONFLICT DO UPDATE SET in_flight = excluded.in_flight, following = excluded.following
"""
COUNT_TURN = """
    UPDATE message_groups SET taken = 1 + (SELECT max(taken) FROM message_groups WHERE queue = ?1)
    WHERE queue = ?1 AND group_name = ?2
"""
REMOVE_GROUP = "DELETE FROM message_groups WHERE queue = ? AND group_name = ?"


class SqliteQueues:
    """`wake_folder` is where receivers of all processes can be woken; None: only those of this process."""

    def __init__(self, database: Database, clock: Clock, wake_folder: Path | None) -> None:
        self._database = database
        self._clock = clock
        self._wakes: Wakes = FifoWakes(wake_folder) if wake_folder else ThreadWakes()
        self._later = Later(partial(self._send, durable=False)) if wake_folder else None

    def send(self, queue: str, messages: Sequence[Message], *, durable: bool = True) -> None:
        check_name(queue)
        if self._later and not durable:
            self._later.put(queue, messages)
        elif messages:
            self._send(queue, messages, durable=durable)

    def _send(self, queue: str, messages: Sequence[Message], *, durable: bool) -> None:
        bodies = encode_messages(messages)
        now = self._now()

        def insert(connection: sqlite3.Connection) -> None:
            for message, body in zip(messages, bodies, strict=True):
                due = now + round(message.delay * SECOND) if message.delay else None
                connection.execute(SEND, (queue, message.group, message.priority, body.decode(), due))
            _recount(connection, queue, (message.group for message in messages))

        self._database.write(insert, durable=durable)
        # Every waiter must learn when a delayed message is due: the one that knew may be at work by then.
        self._wakes.wake(queue, EVERYONE if any(message.delay for message in messages) else len(messages))

    def receive(self, queue: str, *, limit: int = 1, wait: float = 0, visibility: float = 30) -> list[Received]:
        check_name(queue)
        deadline = time.monotonic() + wait
        while True:
            received = self._take(queue, limit, visibility)
            left = deadline - time.monotonic()
            if received or left <= 0:
                return received
            with self._wakes.waiter(queue) as waiter:
                # Looked at after waking has become possible, so that nothing slips in between.
                waiter.wait(min(left, LOOK_AGAIN, self._seconds_to_next(queue)))

    def extend(self, queue: str, receipt: str, *, visibility: float) -> bool:
        check_name(queue)
        due = self._now() + round(visibility * SECOND)

        def hide(connection: sqlite3.Connection) -> bool:
            groups = _by_receipt(connection, EXTEND, queue, receipt, due)
            _recount(connection, queue, groups)
            return bool(groups)

        extended = self._database.write(hide, durable=False)
        if extended and visibility == 0:
            self._wakes.wake(queue, 1)
        return extended

    def acknowledge(self, queue: str, receipts: Sequence[str]) -> None:
        check_name(queue)

        def remove(connection: sqlite3.Connection) -> None:
            groups = [group for receipt in receipts for group in _by_receipt(connection, ACKNOWLEDGE, queue, receipt)]
            _recount(connection, queue, groups)

        if receipts:
            self._database.write(remove, durable=False)

    def depth(self, queue: str) -> int:
        check_name(queue)
        count: int = self._database.rows(DEPTH, (queue,))[0][0]
        return count

    def has_waiting(self, queue: str) -> bool:
        check_name(queue)
        return self._seconds_to_next(queue) <= 0

    def dead(self, queue: str, *, limit: int = 10) -> list[Mapping[str, Any]]:
        check_name(queue)
        return [orjson.loads(body) for (body,) in self._database.rows(DEAD, (queue, limit))]

    def dead_depth(self, queue: str) -> int:
        check_name(queue)
        count: int = self._database.rows(DEAD_DEPTH, (queue,))[0][0]
        return count

    def redrive(self, queue: str) -> int:
        check_name(queue)

        def revive(connection: sqlite3.Connection) -> int:
            groups = [group for (group,) in connection.execute(DEAD_GROUPS, (queue,)).fetchall()]
            count = connection.execute(REVIVE, (queue,)).rowcount
            connection.execute(CLEAR_DEAD, (queue,))
            _recount(connection, queue, groups)
            return count

        count = self._database.write(revive)
        self._wakes.wake(queue, count)
        return count

    def _take(self, queue: str, limit: int, visibility: float) -> list[Received]:
        """An empty queue is told by a read, which holds up nobody."""
        if self._seconds_to_next(queue) > 0:
            return []
        now = self._now()
        due = now + round(visibility * SECOND)

        def take(connection: sqlite3.Connection) -> list[Received]:
            _show_due(connection, queue, now)
            return list(islice(iter(lambda: _take_next(connection, queue, due), None), limit))

        return self._database.write(take, durable=False)

    def _seconds_to_next(self, queue: str) -> float:
        [(ready, due)] = self._database.rows(PEEK, (queue,))
        if ready:
            return 0
        return math.inf if due is None else max(0, due - self._now()) / SECOND

    def _now(self) -> int:
        return (self._clock.now() - EPOCH) // MICROSECOND


def _show_due(connection: sqlite3.Connection, queue: str, now: int) -> None:
    """Delayed messages whose time has come, and received ones that nobody acknowledged in time."""
    rows = connection.execute(DUE, (queue, now, DUE_AT_ONCE)).fetchall()
    for row_id, _, receives in rows:
        if receives < MAX_RECEIVES:
            connection.execute(SHOW, (row_id,))
        else:
            connection.execute(BURY, (row_id,))
            connection.execute(REMOVE, (row_id,))
    _recount(connection, queue, (group for _, group, _ in rows))


def _take_next(connection: sqlite3.Connection, queue: str, due: int) -> Received | None:
    following = connection.execute(NEXT, (queue,)).fetchone()
    if following is None:
        return None
    group, row_id = following
    token = token_hex(8)
    [(body, receives)] = connection.execute(TAKE, (due, token, row_id)).fetchall()
    connection.execute(COUNT_TURN, (queue, group))
    _recount(connection, queue, [group])
    return Received(orjson.loads(body), group, f"{row_id}.{token}", receives)


def _by_receipt(connection: sqlite3.Connection, sql: str, queue: str, receipt: str, *before: int) -> list[str]:
    """Groups of the messages that the statement found: one or none."""
    match = RECEIPT.fullmatch(receipt)
    if not match:
        return []
    return [group for (group,) in connection.execute(sql, (*before, int(match[1]), queue, match[2])).fetchall()]


def _recount(connection: sqlite3.Connection, queue: str, groups: Iterable[str]) -> None:
    """Counted again and not kept up by adding, so that the choice can never drift from the messages."""
    for group in set(groups):
        in_flight, following = connection.execute(COUNT_GROUP, (queue, group)).fetchone()
        if in_flight or following is not None:
            connection.execute(SAVE_GROUP, (queue, group, in_flight, following))
        else:
            connection.execute(REMOVE_GROUP, (queue, group))
