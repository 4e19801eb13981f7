from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.sqlite import Database
from tests.clocks import ManualClock
from tests.contracts import documents as contract


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pass_time(clock: ManualClock) -> Callable[[float], None]:
    return clock.tick


@pytest.fixture(params=["memory", "file"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "millrace.db" if request.param == "file" else None)) as opened:
        yield opened


@pytest.fixture
def documents(database: Database, clock: ManualClock) -> SqliteDocuments:
    return SqliteDocuments(database, clock)


class TestDocuments(contract.DocumentsContract):
    pass


class TestWrites(contract.DocumentWritesContract):
    pass


class TestConditions(contract.DocumentConditionsContract):
    pass


class TestQueries(contract.DocumentQueriesContract):
    pass


class TestIndexes(contract.DocumentIndexesContract):
    pass


class TestExpiry(contract.DocumentExpiryContract):
    pass
