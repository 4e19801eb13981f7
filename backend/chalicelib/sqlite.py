"""The embedded database of the local home: one SQLite file that documents and queues share.

Writes go by group commit: whoever finds no leader leads, and commits everything that waits in one transaction. An
fsync is thus shared by all who came meanwhile, and a writer alone needs no other thread. SQLite's own busy handler is
unfair between processes, so they take turns by a lock on a file beside the database.
"""

import fcntl
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from chalicelib.durable import make_folder, sync_folder
from chalicelib.errors import Unavailable
from chalicelib.schema import MIGRATIONS, Migration

T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]
Row = tuple[Any, ...]

BATCH = 500
"""Writes in one transaction, so that the first of them does not wait for all of a flood."""
BUSY_SECONDS = 10

_forks = 0
"""How many forks lie between this process and the first one."""


def _count_fork() -> None:
    global _forks  # noqa: PLW0603 - of the process, as the forks are
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)

_abandoned: list[object] = []
"""What a fork left behind. Closing it in the child could release the parent's locks, so it is kept."""


class BadDatabase(Exception):
    """The file cannot be used; the message names it and says why."""


class Database:
    """`path` None keeps it in memory, for tests. Safe for threads, processes and forks."""

    def __init__(self, path: Path | None, *, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._path = path
        self._migrations = migrations
        self._readers: deque[sqlite3.Connection] = deque()
        self._commits = self._open()
        self._forks = _forks

    def write(self, operation: Operation[T], *, durable: bool = True) -> T:
        """Run the operation inside a transaction; undone when it raises, durable when it returns.

        What need not be `durable` saves the fsync: it outlives every process, but until the next durable write a power
        cut may undo it. The operation must not keep the connection, nor call this database, and may be run again.
        """
        self._follow_fork()
        return self._commits.run(operation, durable=durable)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of one SELECT, from a snapshot that holds every write that has returned."""
        self._follow_fork()
        try:
            if self._path is None:
                return self._commits.rows(sql, parameters)
            return self._rows(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise unavailable(error, self._path) from error

    def close(self) -> None:
        while self._readers:
            self._readers.pop().close()
        self._commits.close()

    def _rows(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = _connect(self._path)
            connection.execute("PRAGMA query_only = ON")
        try:
            return connection.execute(sql, parameters).fetchall()
        finally:
            self._readers.append(connection)

    def _open(self) -> "_GroupCommit":
        if self._path is None:
            connection = _connect(None)
            _migrate(connection, self._migrations)
            return _GroupCommit(connection, threading.Lock(), None)
        try:
            _create(self._path)
            turn = _FileLock(self._path.with_suffix(".lock"))
            with turn:
                connection = _connect(self._path)
                connection.execute("PRAGMA journal_mode = WAL")
                _migrate(connection, self._migrations)
        except (sqlite3.DatabaseError, OSError, BadDatabase) as error:
            raise BadDatabase(f"The database {self._path} cannot be used: {error}") from error
        return _GroupCommit(connection, turn, self._path)

    def _follow_fork(self) -> None:
        if self._forks != _forks and self._path is not None:
            _abandoned.append((self._commits, self._readers))
            self._readers = deque()
            self._commits = self._open()
            self._forks = _forks


class _Write(Generic[T]):
    """One caller's operation on its way through a commit."""

    __slots__ = ("_asleep", "done", "durable", "error", "operation", "result")

    def __init__(self, operation: Operation[T], *, durable: bool) -> None:
        self.operation = operation
        self.durable = durable
        self.result: T | None = None
        self.error: Exception | None = None
        self.done = False
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def sleep(self) -> None:
        """Until somebody calls `wake`, or at once if they have since the last time."""
        self._asleep.acquire()

    def wake(self) -> None:
        # A bare lock is a fraction of an Event; that it is open already is what was wanted.
        with suppress(RuntimeError):
            self._asleep.release()


class _GroupCommit:
    def __init__(self, connection: sqlite3.Connection, turn: AbstractContextManager[Any], path: Path | None) -> None:
        self._connection = connection
        self._turn = turn
        self._path = path
        self._durable = True
        self._leader = threading.Lock()
        self._pending: deque[_Write[Any]] = deque()

    def run(self, operation: Operation[T], *, durable: bool) -> T:
        write = _Write(operation, durable=durable)
        self._pending.append(write)
        while not write.done:
            if self._leader.acquire(blocking=False):
                try:
                    self._commit_pending()
                finally:
                    self._leader.release()
                    self._wake_next()
            else:
                write.sleep()
        if write.error is not None:
            raise write.error
        return write.result  # type: ignore[return-value]  # T itself may be None

    def rows(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        with self._turn:
            return self._connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        self._connection.close()
        if isinstance(self._turn, _FileLock):
            self._turn.close()

    def _wake_next(self) -> None:
        """Whoever came too late for the last batch, and saw it still under way, is waiting: let them lead."""
        with suppress(IndexError):
            self._pending[0].wake()

    def _commit_pending(self) -> None:
        batch = [self._pending.popleft() for _ in range(min(len(self._pending), BATCH))]
        if not batch:
            return
        try:
            with self._turn:
                self._transact(batch)
        except BaseException as error:
            self._fail(batch, error)
            if not isinstance(error, sqlite3.Error | OSError):
                raise
        finally:
            for write in batch:
                write.done = True
                write.wake()

    def _transact(self, batch: Sequence[_Write[Any]]) -> None:
        self._sync(durable=any(write.durable for write in batch))
        if not self._run(batch, apart=False):
            self._run(batch, apart=True)

    def _run(self, batch: Sequence[_Write[Any]], *, apart: bool) -> bool:
        """False, with nothing written, if one wrote something before it failed: then each needs a savepoint.

        Most that fail have only looked. To do without savepoints is a third fewer statements for everyone.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        for write in batch:
            if apart:
                self._connection.execute("SAVEPOINT mine")
            changes = self._connection.total_changes
            self._attempt(write)
            if write.error and apart:
                self._connection.execute("ROLLBACK TO mine")
            elif write.error and not (self._connection.in_transaction and self._connection.total_changes == changes):
                self._roll_back()
                return False
            if apart:
                self._connection.execute("RELEASE mine")
        self._connection.execute("COMMIT")
        return True

    def _sync(self, *, durable: bool) -> None:
        if durable != self._durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def _attempt(self, write: _Write[Any]) -> None:
        write.error = None
        try:
            write.result = write.operation(self._connection)
        except sqlite3.Error as error:
            write.error = unavailable(error, self._path)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller that gave the operation
            write.error = error

    def _fail(self, batch: Sequence[_Write[Any]], error: BaseException) -> None:
        """Nothing of the batch was written, so what its operations have returned or raised means nothing."""
        for write in batch:
            write.error = unavailable(error, self._path)
        self._roll_back()

    def _roll_back(self) -> None:
        """SQLite may have done so already, when the disk was full."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


class _FileLock:
    """Only one process is inside at a time; the kernel frees it when its holder dies."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._descriptor)


def unavailable(error: BaseException, path: Path | None) -> Unavailable:
    """The path is for the log, not for the caller."""
    answer = Unavailable("The database does not take this just now; try again.")
    answer.__cause__ = error
    answer.add_note(f"{path or 'The database in memory'}: {error}")
    return answer


def _create(path: Path) -> None:
    make_folder(path.parent)
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path or ":memory:",
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -8000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise BadDatabase(
            f"its schema is {version}, and this Millrace knows up to {len(migrations)}; it was written by a newer one"
        )
    for number, statements in enumerate(migrations[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
