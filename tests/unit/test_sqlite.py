import contextlib
import os
import resource
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chalicelib.documents import Key, Put
from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.errors import Unavailable
from chalicelib.schema import MIGRATIONS
from chalicelib.sqlite import BadDatabase, Database
from tests import writers
from tests.clocks import ManualClock

NOTES = ("CREATE TABLE notes (n INTEGER) STRICT",)
SCHEMA_1 = Path(__file__).with_name("schema_1.sql")
"""The schema of the first release, as files in the world have it."""


FULL, NORMAL = 2, 1


def synchronous(connection: sqlite3.Connection) -> int:
    value: int = connection.execute("PRAGMA synchronous").fetchone()[0]
    return value


def note(number: int) -> Callable[[sqlite3.Connection], int]:
    return lambda connection: connection.execute("INSERT INTO notes VALUES (?)", (number,)).rowcount


def note_and_fail(connection: sqlite3.Connection) -> None:
    note(13)(connection)
    raise LookupError("on purpose")


def notes(database: Database) -> list[int]:
    return [number for (number,) in database.rows("SELECT n FROM notes ORDER BY n")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "millrace.db"


@pytest.fixture(params=["memory", "file"])
def database(request: pytest.FixtureRequest, path: Path) -> Iterator[Database]:
    with closing(Database(path if request.param == "file" else None, migrations=[NOTES])) as opened:
        yield opened


@contextlib.contextmanager
def together(
    database: Database, operations: list[Callable[[sqlite3.Connection], Any]], durable: Sequence[bool] = (True,) * 9
) -> Iterator[list[Any]]:
    """Futures of operations that are committed in one transaction: they all came while another was under way."""
    gate, pending = threading.Event(), database._commits._pending
    with ThreadPoolExecutor(len(operations) + 1) as pool:
        first = pool.submit(database.write, lambda _: gate.wait(10))
        while not database._commits._leader.locked() or pending:
            time.sleep(0.001)
        futures = []
        for number, operation in enumerate(operations, 1):
            futures.append(pool.submit(database.write, operation, durable=durable[number - 1]))
            while len(pending) < number:
                time.sleep(0.001)
        gate.set()
        first.result(10)
        yield futures


class TestWrites:
    def test_it_works(self, database: Database) -> None:
        assert database.write(note(1)) == 1
        assert notes(database) == [1]

    def test_an_operation_that_raises_is_undone(self, database: Database) -> None:
        with pytest.raises(LookupError, match="on purpose"):
            database.write(note_and_fail)
        database.write(note(1))
        assert notes(database) == [1]

    def test_the_error_shows_where_it_was_raised(self, database: Database) -> None:
        with pytest.raises(LookupError) as caught:
            database.write(note_and_fail)
        assert caught.traceback[-1].name == "note_and_fail"

    def test_one_failure_in_a_batch_is_its_own(self, database: Database) -> None:
        with together(database, [note(1), note_and_fail, note(2)]) as futures:
            assert [futures[0].result(10), futures[2].result(10)] == [1, 1]
            with pytest.raises(LookupError):
                futures[1].result(10)
        assert notes(database) == [1, 2]

    def test_a_refusal_that_wrote_nothing_costs_the_others_nothing(self, database: Database) -> None:
        runs = []

        def counted(connection: sqlite3.Connection) -> None:
            runs.append(note(1)(connection))

        def refuse(_: sqlite3.Connection) -> None:
            raise LookupError("looked, and did not like it")

        with together(database, [counted, refuse]) as futures:
            assert [type(future.exception(10)) for future in futures] == [type(None), LookupError]
        assert (runs, notes(database)) == ([1], [1])

    def test_a_fault_in_the_sql_is_unavailable_and_harms_nobody(self, database: Database) -> None:
        with together(database, [note(1), lambda connection: connection.execute("SELECT * FROM none")]) as futures:
            assert futures[0].result(10) == 1
            with pytest.raises(Unavailable) as caught:
                futures[1].result(10)
        assert "no such table" in str(caught.value.__cause__)

    def test_an_interrupt_reaches_its_thread_and_the_rest_can_go_on(self, database: Database) -> None:
        def interrupt(_: sqlite3.Connection) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            database.write(interrupt)
        database.write(note(1))
        assert notes(database) == [1]

    def test_no_wake_up_is_lost(self, database: Database) -> None:
        with ThreadPoolExecutor(8) as pool:
            written = list(pool.map(lambda number: database.write(note(number)), range(800), timeout=30))
        assert sum(written) == 800
        assert notes(database) == list(range(800))

    def test_a_reader_sees_no_half_of_a_write(self, database: Database) -> None:
        def two(connection: sqlite3.Connection) -> None:
            note(1)(connection)
            time.sleep(0.05)
            note(2)(connection)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(database.write, two)
            seen = set()
            while not writing.done():
                seen.add(len(notes(database)))
        assert seen <= {0, 2}


class TestFile:
    def test_commits_are_fully_durable(self, path: Path) -> None:
        with closing(Database(path)) as database:
            assert database.write(synchronous) == FULL
            assert database.rows("PRAGMA journal_mode") == [("wal",)]

    def test_a_batch_is_as_durable_as_its_most_careful_write(self, path: Path) -> None:
        with closing(Database(path)) as database:
            assert database.write(synchronous, durable=False) == NORMAL
            with together(database, [synchronous] * 3, [False, True, False]) as futures:
                assert [future.result(10) for future in futures] == [FULL] * 3
            with together(database, [synchronous] * 2, [False, False]) as futures:
                assert [future.result(10) for future in futures] == [NORMAL] * 2

    def test_only_its_owner_can_read_it(self, path: Path) -> None:
        with closing(Database(path)) as database:
            SqliteDocuments(database, ManualClock()).transact([Put(Key("a", "b"), {})])
            assert path.parent.stat().st_mode & 0o777 == 0o700
            assert {entry.stat().st_mode & 0o777 for entry in path.parent.iterdir()} == {0o600}

    def test_readers_cannot_write(self, path: Path) -> None:
        with closing(Database(path, migrations=[NOTES])) as database, pytest.raises(Unavailable):
            database.rows("INSERT INTO notes VALUES (1) RETURNING n")

    def test_a_full_disk_fails_the_whole_batch_and_no_more(self, path: Path) -> None:
        with closing(Database(path, migrations=[NOTES])) as database:
            database.write(note(1))
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("millrace.db-wal").stat().st_size, limits[1]))
            try:
                with together(database, [note(2), note(3)]) as futures:
                    assert [type(future.exception(10)) for future in futures] == [Unavailable, Unavailable]
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            database.write(note(4))
            assert notes(database) == [1, 4]

    def test_a_forked_child_has_connections_of_its_own(self, path: Path) -> None:
        with closing(Database(path, migrations=[NOTES])) as database:
            database.write(note(1))
            child = os.fork()
            if child == 0:
                database.write(note(2))
                os._exit(len(notes(database)))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
            database.write(note(3))
            assert notes(database) == [1, 2, 3]


class TestMigrations:
    def test_a_file_of_the_first_release_keeps_its_data(self, path: Path) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as old:
            old.executescript(SCHEMA_1.read_text())
            old.execute("INSERT INTO documents (partition, sort, version, body) VALUES ('p', 's', 7, '{\"n\": 1}')")
            old.execute("PRAGMA user_version = 1")
            old.commit()
        with closing(Database(path, migrations=[*MIGRATIONS, NOTES])) as database:
            assert notes(database) == []
            document = SqliteDocuments(database, ManualClock()).get(Key("p", "s"))
        assert document is not None
        assert (document.body, document.version) == ({"n": 1}, 7)

    def test_a_released_step_never_changes(self) -> None:
        with closing(Database(None, migrations=MIGRATIONS[:1])) as database:
            statements = database.rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        assert "".join(f"{sql};\n" for (sql,) in statements) == SCHEMA_1.read_text()

    def test_a_newer_file_is_refused(self, path: Path) -> None:
        Database(path, migrations=[NOTES, ("CREATE TABLE more (n)",)]).close()
        with pytest.raises(BadDatabase, match=r"millrace\.db.*newer"):
            Database(path, migrations=[NOTES])

    def test_a_step_that_fails_leaves_the_file_as_it_was(self, path: Path) -> None:
        Database(path, migrations=[NOTES]).close()
        with pytest.raises(BadDatabase, match=r"millrace\.db"):
            Database(path, migrations=[NOTES, ("CREATE TABLE half (n)", "CREATE nonsense")])
        with closing(Database(path, migrations=[NOTES])) as database:
            assert database.rows("SELECT name FROM sqlite_master WHERE name = 'half'") == []


class TestBadFiles:
    @pytest.mark.parametrize("content", [b"this is a text file, and long enough to be read as one" * 20, b"\0" * 5000])
    def test_what_is_no_database_is_refused_by_name(self, path: Path, content: bytes) -> None:
        path.parent.mkdir()
        path.write_bytes(content)
        with pytest.raises(BadDatabase, match=r"millrace\.db cannot be used"):
            Database(path)

    def test_a_folder_is_refused_by_name(self, path: Path) -> None:
        path.mkdir(parents=True)
        with pytest.raises(BadDatabase, match=r"millrace\.db cannot be used"):
            Database(path)

    def test_a_file_that_breaks_meanwhile_is_unavailable(self, path: Path) -> None:
        with closing(Database(path, migrations=[NOTES])) as database:
            database.write(lambda connection: connection.executemany("INSERT INTO notes VALUES (?)", [(1,)] * 5000))
        content = path.read_bytes()
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        with closing(Database(path, migrations=[NOTES])) as database, pytest.raises(Unavailable) as caught:
            notes(database)
        assert str(path) not in caught.value.detail
        assert str(path) in "".join(caught.value.__notes__)


class TestProcesses:
    def test_counting_from_many_processes_loses_nothing(self, tmp_path: Path) -> None:
        documents = writers.open_documents(tmp_path)
        documents.transact([Put(writers.COUNTER, {"n": 0})])
        processes = [writers.run(writers.count_up, tmp_path, 200) for _ in range(3)]
        for process in processes:
            process.join(20)
        counter = documents.get(writers.COUNTER)
        assert counter is not None
        assert (counter.body, counter.version) == ({"n": 600}, 601)

    def test_what_was_acknowledged_survives_kill_9(self, tmp_path: Path) -> None:
        names = ["first", "second"]
        processes = [writers.run(writers.write_without_end, tmp_path, name) for name in names]
        notes = [tmp_path / name for name in names]
        writers.wait_for(lambda: all(file.exists() and file.read_text().count("\n") > 50 for file in notes))
        for process in processes:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join(10)
        documents = writers.open_documents(tmp_path)
        for name in names:
            acknowledged = (tmp_path / name).read_text().splitlines()
            documents.transact([Put(Key(name, "after"), {})])
            there = documents.query(name, limit=1_000_000).items
            assert {int(number) for number in acknowledged} <= {document.body.get("n") for document in there}
