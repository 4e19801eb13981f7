from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from chalicelib.documents import (
    DOCUMENT_LIMIT,
    Absent,
    ConditionFailed,
    Delete,
    Document,
    Index,
    Key,
    Page,
    Put,
    Range,
    Update,
    VersionIs,
    Write,
)
from chalicelib.documents.ranges import bounds
from chalicelib.documents.sqlite import GET, PURGE, SqliteDocuments, find_sql, select_many_sql, select_sql
from chalicelib.errors import Invalid
from chalicelib.sqlite import Database
from tests.clocks import ManualClock
from tests.contracts import documents as contract


@pytest.fixture
def database() -> Iterator[Database]:
    with closing(Database(None)) as opened:
        yield opened


@pytest.fixture
def documents(database: Database, clock: ManualClock) -> SqliteDocuments:
    return SqliteDocuments(database, clock)


class TestDocuments(contract.DocumentsContract):
    pass


class TestWrites(contract.DocumentWritesContract):
    pass


class InAFile:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        with closing(Database(tmp_path / "millrace.db")) as opened:
            yield opened


class TestDocumentsInAFile(InAFile, contract.DocumentsContract):
    pass


class TestWritesInAFile(InAFile, contract.DocumentWritesContract):
    pass


class TestConditions(contract.DocumentConditionsContract):
    pass


class TestQueries(contract.DocumentQueriesContract):
    pass


class TestIndexes(contract.DocumentIndexesContract):
    pass


class TestExpiry(contract.DocumentExpiryContract):
    pass


KEY = Key("tenant", "job")


class TestPlans:
    """Every statement finds its rows by an index, so that its cost does not grow with the table."""

    def plan(self, sql: str) -> list[str]:
        with closing(Database(None)) as database:
            return [row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))]

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize(
        "operators", [((">=", 1),), ((">=", 1), ("<", 1)), ((">", 3), ("<=", 1)), ((">=", 1), ("<", 3))]
    )
    @pytest.mark.parametrize("index", Index)
    def test_index_queries(self, index: Index, operators: tuple[tuple[str, int], ...], *, descending: bool) -> None:
        order = (f"{index}_sort", "partition", "sort")
        [step] = self.plan(select_sql(f"{index}_partition", order, operators, descending=descending))
        assert step.startswith(f"SEARCH documents USING INDEX documents_{index} ({index}_partition=? AND ")
        assert all(f"{operator}" in step.replace("=?", "") for operator in "<>" if operator in str(operators))

    def test_partition_queries(self) -> None:
        sql = select_sql("partition", ("sort",), ((">", 1), ("<=", 1)), descending=False)
        assert self.plan(sql) == ["SEARCH documents USING INDEX documents_key (partition=? AND sort>? AND sort<?)"]

    def test_single_documents(self) -> None:
        assert self.plan(GET) == ["SEARCH documents USING INDEX documents_key (partition=? AND sort=?)"]

    def test_many_documents(self) -> None:
        for sql in (select_many_sql(3), find_sql(3)):
            assert self.plan(sql)[-1] == "SEARCH documents USING INDEX documents_key (partition=? AND sort=?)"

    def test_purging(self) -> None:
        steps = " / ".join(self.plan(PURGE))
        assert "SEARCH documents USING INTEGER PRIMARY KEY (rowid=?)" in steps
        assert "SEARCH documents USING COVERING INDEX documents_expires (expires<?)" in steps


class TestPurge:
    def rows(self, database: Database) -> int:
        return int(database.rows("SELECT count(*) FROM documents")[0][0])

    def fill(self, documents: SqliteDocuments, clock: ManualClock, count: int) -> None:
        soon = clock.now() + timedelta(seconds=60)
        documents.transact([Put(Key("p", f"{n}"), {}, expires=soon) for n in range(count)])
        documents.transact([Put(KEY, {}, expires=soon + timedelta(days=1))])

    def test_purging_removes_expired_rows_up_to_a_limit(
        self, documents: SqliteDocuments, database: Database, clock: ManualClock
    ) -> None:
        self.fill(documents, clock, 5)
        clock.tick(61)
        assert [documents.purge(3), documents.purge(3), documents.purge(3)] == [3, 2, 0]
        assert self.rows(database) == 1

    def test_other_writes_purge_in_passing(
        self, documents: SqliteDocuments, database: Database, clock: ManualClock
    ) -> None:
        self.fill(documents, clock, 5)
        clock.tick(61)
        documents.transact([Put(Key("another", "one"), {})])
        assert self.rows(database) == 2


class TestLimits:
    def test_an_update_cannot_outgrow_the_limit(self, documents: SqliteDocuments) -> None:
        documents.transact([Put(KEY, {"a": "x" * (DOCUMENT_LIMIT // 2)})])
        with pytest.raises(Invalid):
            documents.transact([Update(KEY, set={"b": "x" * (DOCUMENT_LIMIT // 2)})])

    @pytest.mark.parametrize("text", ["\0", "a\0b", "\0" * 10])
    def test_even_nul_is_text(self, documents: SqliteDocuments, text: str) -> None:
        documents.transact([Put(Key(text, text), {text: text}, indexes={Index.FIRST: Key(text, text)})])
        assert [item.body for item in documents.query(text, Range(prefix=text)).items] == [{text: text}]
        assert documents.get_many([Key(text, text)]) == documents.query_index(Index.FIRST, text).items


class TestRaces(InAFile):
    def test_of_many_that_create_one_does(self, documents: SqliteDocuments) -> None:
        def create(number: int) -> bool:
            try:
                documents.transact([Put(KEY, {"n": number}, [Absent()])])
            except ConditionFailed:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(create, range(40), timeout=20)) == 1

    def test_bounded_adding_never_passes_its_bound(self, documents: SqliteDocuments) -> None:
        documents.transact([Put(KEY, {"n": 0})])

        def raise_by_version(_: int) -> None:
            while True:
                document = documents.get(KEY)
                assert document is not None
                try:
                    documents.transact([Update(KEY, add={"n": 1}, conditions=[VersionIs(document.version)])])
                except ConditionFailed:
                    continue
                return

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(raise_by_version, range(60), timeout=20))
        document = documents.get(KEY)
        assert document is not None
        assert (document.body, document.version) == ({"n": 60}, 61)


sorts = some.text(some.sampled_from("ab\x7f\ud7ff\ue000\uffff\U00010000\U0010ffff"), min_size=1, max_size=3)
keys = some.builds(Key, some.sampled_from("pq"), sorts)
conditions = some.lists(some.sampled_from([Absent(), VersionIs(1), VersionIs(2)]), max_size=1)
bodies = some.dictionaries(some.sampled_from("xyz"), some.integers(-9, 9))
indexes = some.dictionaries(some.sampled_from(list(Index)), keys, max_size=2)
writes: some.SearchStrategy[Write] = some.one_of(
    some.builds(Put, keys, bodies, conditions, indexes),
    some.builds(Update, keys, set=bodies, conditions=conditions),
    some.builds(Delete, keys, conditions),
)
ranges = some.builds(Range, sorts | some.just(""), some.none() | sorts, some.none() | sorts)


class Model:
    """Documents as a dictionary: what the port means, in the fewest words."""

    def __init__(self) -> None:
        self.documents: dict[Key, Document] = {}

    def transact(self, batch: list[Write]) -> None:
        failed = [write.key for write in batch if not self.allows(write)]
        if failed:
            raise ConditionFailed(failed)
        for write in batch:
            self.apply(write)

    def allows(self, write: Write) -> bool:
        version = self.documents[write.key].version if write.key in self.documents else 0
        if isinstance(write, Update) and not version:
            return False
        return all(
            version == (0 if isinstance(condition, Absent) else getattr(condition, "version", None))
            for condition in write.conditions
        )

    def apply(self, write: Write) -> None:
        old = self.documents.pop(write.key, None)
        version = old.version + 1 if old else 1
        if isinstance(write, Put):
            self.documents[write.key] = Document(write.key, write.body, version, write.indexes)
        elif isinstance(write, Update) and old:
            self.documents[write.key] = Document(write.key, {**old.body, **write.set}, version, old.indexes)

    def query(self, partition: str, within: Range) -> list[Document]:
        found = [document for key, document in self.documents.items() if key.partition == partition]
        return sorted((d for d in found if inside(within, d.key.sort)), key=lambda d: d.key)

    def query_index(self, index: Index, partition: str, within: Range) -> list[Document]:
        found = [d for d in self.documents.values() if index in d.indexes and d.indexes[index].partition == partition]
        return sorted(
            (d for d in found if inside(within, d.indexes[index].sort)), key=lambda d: (d.indexes[index], d.key)
        )


def inside(within: Range, sort: str) -> bool:
    return sort.startswith(within.prefix) and (within.start or "") <= sort <= (within.end or "\U0010ffff" * 9)


def outcome(transact: Callable[[list[Write]], None], batch: list[Write]) -> Any:
    try:
        return transact(batch)
    except ConditionFailed as error:
        return error.keys


def all_pages(query: Callable[..., Page]) -> list[Document]:
    page = query(limit=2)
    items = list(page.items)
    while page.cursor is not None:
        page = query(limit=2, cursor=page.cursor)
        items += page.items
    return items


@settings(max_examples=60, deadline=None)
@given(
    some.lists(some.lists(writes, max_size=3, unique_by=lambda write: write.key), max_size=12),
    some.lists(ranges, max_size=3),
)
def test_the_store_behaves_as_a_dictionary(batches: list[list[Write]], asked: list[Range]) -> None:
    with closing(Database(None)) as database:
        documents, model = SqliteDocuments(database, ManualClock()), Model()
        for batch in batches:
            assert outcome(documents.transact, batch) == outcome(model.transact, batch)
        for within, partition in product([Range(), *asked], "pq"):
            assert all_pages(partial(documents.query, partition, within)) == model.query(partition, within)
            for index in Index:
                pages = all_pages(partial(documents.query_index, index, partition, within))
                assert pages == model.query_index(index, partition, within)


@given(some.text(max_size=3), some.text(max_size=4))
def test_bounds_hold_exactly_what_has_the_prefix(prefix: str, text: str) -> None:
    limits = bounds(Range(prefix=prefix))
    assert (limits.lower <= text and (limits.upper is None or text < limits.upper)) == text.startswith(prefix)
