"""Documents in the embedded database."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

import orjson

from chalicelib.clock import Clock
from chalicelib.documents import (
    EVERYTHING,
    Absent,
    Condition,
    ConditionFailed,
    Delete,
    Document,
    Exists,
    FieldAtLeast,
    FieldAtMost,
    FieldIs,
    Index,
    Json,
    Key,
    Page,
    Put,
    Range,
    Update,
    VersionIs,
    Write,
)
from chalicelib.documents.checks import add_to_field, check_keys, check_limit, check_writes, encode_body, encode_puts
from chalicelib.documents.cursors import read_cursor, write_cursor
from chalicelib.documents.ranges import Bounds, bounds
from chalicelib.sqlite import Database, Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PURGE_EVERY = timedelta(seconds=10)
PURGE_LIMIT = 200
KEYS_AT_ONCE = 500

COLUMNS = (
    "partition, sort, version, body, expires,"
    " first_partition, first_sort, second_partition, second_sort, third_partition, third_sort"
)
COLUMN_COUNT = COLUMNS.count(",") + 1
ALIVE = "coalesce(expires, 9223372036854775807) > ?"
"""Written so that the planner does not take the index of expiries for it."""
GET = f"SELECT {COLUMNS} FROM documents WHERE partition = ? AND sort = ? AND {ALIVE}"  # noqa: S608 - constants
REPLACE = (
    "UPDATE documents SET version = ?, body = ?, expires = ?, first_partition = ?, first_sort = ?,"
    " second_partition = ?, second_sort = ?, third_partition = ?, third_sort = ? WHERE id = ?"
)
UPDATE = "UPDATE documents SET version = ?, body = ? WHERE id = ?"
DELETE = "DELETE FROM documents WHERE id = ?"
PURGE = "DELETE FROM documents WHERE id IN (SELECT id FROM documents WHERE expires <= ? LIMIT ?)"


class SqliteDocuments:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._purge_next = clock.now()

    def get(self, key: Key) -> Document | None:
        check_keys([key])
        rows = self._database.rows(GET, (key.partition, key.sort, self._now()))
        return _document(rows[0]) if rows else None

    def get_many(self, keys: Sequence[Key]) -> list[Document | None]:
        check_keys(keys)
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Document] = {}
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            part = wanted[start : start + KEYS_AT_ONCE]
            texts = [text for key in part for text in (key.partition, key.sort)]
            for row in self._database.rows(select_many_sql(len(part)), [*texts, self._now()]):
                document = _document(row)
                found[document.key] = document
        return [found.get(key) for key in keys]

    def query(
        self,
        partition: str,
        within: Range = EVERYTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page:
        order = ("sort",)
        documents = self._select(
            "partition", order, partition, within=within, limit=limit, cursor=cursor, descending=descending
        )
        more = len(documents) > limit
        return Page(documents[:limit], write_cursor(documents[limit - 1].key.sort) if more else None)

    def query_index(
        self,
        index: Index,
        partition: str,
        within: Range = EVERYTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page:
        order = (f"{index}_sort", "partition", "sort")
        documents = self._select(
            f"{index}_partition", order, partition, within=within, limit=limit, cursor=cursor, descending=descending
        )
        if len(documents) <= limit:
            return Page(documents, None)
        last = documents[limit - 1]
        return Page(documents[:limit], write_cursor(last.indexes[index].sort, last.key.partition, last.key.sort))

    def transact(self, writes: Sequence[Write], *, durable: bool = True) -> None:
        check_writes(writes)
        bodies = [body.decode() for body in encode_puts(writes)]
        now = self._clock.now()

        def write_all(connection: sqlite3.Connection) -> None:
            _transact(connection, writes, bodies, _microseconds(now))
            self._purge_some(connection, now)

        if writes:
            self._database.write(write_all, durable=durable)

    def purge(self, limit: int) -> int:
        """Remove up to `limit` expired documents; the number removed."""
        now = self._now()
        return self._database.write(lambda connection: connection.execute(PURGE, (now, limit)).rowcount)

    def _select(
        self,
        partition_column: str,
        order: tuple[str, ...],
        partition: str,
        *,
        within: Range,
        limit: int,
        cursor: str | None,
        descending: bool,
    ) -> list[Document]:
        """One more than `limit`, when there is one."""
        check_limit(limit)
        after = read_cursor(cursor, parts=len(order), within=within) if cursor is not None else ()
        sides = _sides(bounds(within), after, descending=descending)
        operators = tuple((operator, len(values)) for operator, values in sides)
        sql = select_sql(partition_column, order, operators, descending=descending)
        texts = [text for _, values in sides for text in values]
        rows = self._database.rows(sql, (partition, *texts, self._now(), limit + 1))
        return [_document(row) for row in rows]

    def _purge_some(self, connection: sqlite3.Connection, now: datetime) -> None:
        """A little at a time, on the back of other writes, so that nothing need remember to do it."""
        if now >= self._purge_next:
            removed = connection.execute(PURGE, (_microseconds(now), PURGE_LIMIT)).rowcount
            self._purge_next = now if removed == PURGE_LIMIT else now + PURGE_EVERY

    def _now(self) -> int:
        return _microseconds(self._clock.now())


def _sides(limits: Bounds, after: Sequence[str], *, descending: bool) -> list[tuple[str, Sequence[str]]]:
    """Operator and values of the lower side, then of the upper. A cursor takes the place of the side it came from, so
    that the search starts there.
    """
    lower = (">", after) if after and not descending else (">=", (limits.lower,))
    if after and descending:
        return [lower, ("<", after)]
    if limits.upper is None:
        return [lower]
    return [lower, ("<=" if limits.upper_included else "<", (limits.upper,))]


@lru_cache
def select_sql(
    partition_column: str, order: Sequence[str], operators: Sequence[tuple[str, int]], *, descending: bool
) -> str:
    """Each operator compares that many of the first columns of `order`."""
    sides = [f"({', '.join(order[:count])}) {operator} ({_marks(count)})" for operator, count in operators]
    where = " AND ".join([f"{partition_column} = ?", *sides, ALIVE])
    ordered = ", ".join(f"{column} {'DESC' if descending else 'ASC'}" for column in order)
    return f"SELECT {COLUMNS} FROM documents WHERE {where} ORDER BY {ordered} LIMIT ?"  # noqa: S608 - names of ours


@lru_cache
def select_many_sql(count: int) -> str:
    return f"{_wanted(count, COLUMNS)} WHERE {ALIVE}"


@lru_cache
def find_sql(count: int) -> str:
    """What is there for each key, whether expired or not."""
    return _wanted(count, "partition, sort, id, version, body, expires")


@lru_cache
def insert_sql(count: int) -> str:
    return f"INSERT INTO documents ({COLUMNS}) VALUES {', '.join([f'({_marks(COLUMN_COUNT)})'] * count)}"  # noqa: S608 - marks


def _wanted(count: int, columns: str) -> str:
    marks = ", ".join(["(?, ?)"] * count)
    return (
        f"WITH wanted (wanted_partition, wanted_sort) AS (VALUES {marks}) SELECT {columns} FROM wanted"  # noqa: S608 - marks
        " CROSS JOIN documents ON partition = wanted_partition AND sort = wanted_sort"
    )


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _transact(connection: sqlite3.Connection, writes: Sequence[Write], bodies: Sequence[str], now: int) -> None:
    """In few statements: around each one other threads get to run, while every writer waits for this transaction."""
    found = _find(connection, [write.key for write in writes], now)
    failed = [write.key for write, current in zip(writes, found, strict=True) if not current.allows(write)]
    if failed:
        raise ConditionFailed(failed)
    changed = [
        current.updated(write) if isinstance(write, Update) else body
        for write, current, body in zip(writes, found, bodies, strict=True)
    ]
    new: list[int | str | None] = []
    for write, current, body in zip(writes, found, changed, strict=True):
        if isinstance(write, Put) and current.row_id is None:
            new += [write.key.partition, write.key.sort, 1, body, *_expiry_and_indexes(write)]
        else:
            current.apply(connection, write, body)
    if new:
        connection.execute(insert_sql(len(new) // COLUMN_COUNT), new)


def _find(connection: sqlite3.Connection, keys: Sequence[Key], now: int) -> list["_Current"]:
    texts = [text for key in keys for text in key]
    rows = connection.execute(find_sql(len(keys)), texts).fetchall()
    there = {Key(partition, sort): row for partition, sort, *row in rows}
    return [_Current(there.get(key), now) for key in keys]


class _Current:
    """What a transaction finds under a key. An expired document still has a row, but counts as none."""

    def __init__(self, row: Sequence[Any] | None, now: int) -> None:
        self.row_id: int | None = row[0] if row else None
        self._version: int = row[1] if row else 0
        self._text: str = row[2] if row else "{}"
        self._exists = row is not None and (row[3] is None or row[3] > now)

    def allows(self, write: Write) -> bool:
        if isinstance(write, Update) and not self._exists:
            return False
        return all(self._satisfies(condition) for condition in write.conditions)

    def updated(self, update: Update) -> str:
        body = {**self._body, **update.set}
        for name, amount in update.add.items():
            body[name] = add_to_field(body, name, amount)
        return encode_body(body).decode()

    def apply(self, connection: sqlite3.Connection, write: Write, body: str) -> None:
        version = self._version + 1 if self._exists else 1
        if isinstance(write, Put):
            connection.execute(REPLACE, (version, body, *_expiry_and_indexes(write), self.row_id))
        elif isinstance(write, Update):
            connection.execute(UPDATE, (version, body, self.row_id))
        elif isinstance(write, Delete) and self.row_id is not None:
            connection.execute(DELETE, (self.row_id,))

    def _satisfies(self, condition: Condition) -> bool:
        if isinstance(condition, Absent):
            return not self._exists
        if isinstance(condition, Exists):
            return self._exists
        if isinstance(condition, VersionIs):
            return self._exists and self._version == condition.version
        return self._exists and _field_holds(condition, self._body)

    @cached_property
    def _body(self) -> Json:
        body: Json = orjson.loads(self._text)
        return body


def _field_holds(condition: FieldIs | FieldAtLeast | FieldAtMost, body: Json) -> bool:
    value = body.get(condition.name)
    if isinstance(condition, FieldIs):
        return isinstance(value, bool) == isinstance(condition.value, bool) and value == condition.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= condition.bound if isinstance(condition, FieldAtLeast) else value <= condition.bound


def _expiry_and_indexes(put: Put) -> list[int | str | None]:
    values: list[int | str | None] = [_microseconds(put.expires) if put.expires else None]
    for index in Index:
        key = put.indexes.get(index)
        values += [key.partition, key.sort] if key else [None, None]
    return values


def _document(row: Row) -> Document:
    partition, sort, version, body, expires, first, first_sort, second, second_sort, third, third_sort = row
    indexes = {}
    if first is not None:
        indexes[Index.FIRST] = Key(first, first_sort)
    if second is not None:
        indexes[Index.SECOND] = Key(second, second_sort)
    if third is not None:
        indexes[Index.THIRD] = Key(third, third_sort)
    moment = None if expires is None else EPOCH + timedelta(microseconds=expires)
    return Document(Key(partition, sort), orjson.loads(body), version, indexes, moment)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND
