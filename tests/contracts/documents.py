from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any

import pytest

from chalicelib.clock import Clock
from chalicelib.documents import (
    DOCUMENT_LIMIT,
    TRANSACTION_BYTES,
    TRANSACTION_LIMIT,
    Absent,
    BadCursor,
    Check,
    Condition,
    ConditionFailed,
    Delete,
    Document,
    Documents,
    Exists,
    FieldAtLeast,
    FieldAtMost,
    FieldIs,
    Index,
    Key,
    Page,
    Put,
    Range,
    Update,
    VersionIs,
)
from chalicelib.errors import Invalid

KEY = Key("tenant", "job")
OTHER = Key("tenant", "other")
BODY: dict[str, Any] = {
    "text": "grün ✓ 𝄞",
    "none": None,
    "yes": True,
    "list": [1, [2.5, {}], ""],
    "nested": {"a.b": {"c": []}},
}
HARD = ["", "!!", "AAAA", "x" * 100_000, "bnVsbA", "WzFd", "e30", "%00", "\0", "ÿé", "W10", "WyJhIiwi", "gICA"]
"""Cursors that no list has returned: truncated, huge, of wrong types, not UTF-8."""


def put_all(documents: Documents, sorts: str | list[str], partition: str = "p") -> None:
    documents.transact([Put(Key(partition, sort), {"n": sort}) for sort in sorts])


def sorts_of(page: Page) -> list[str]:
    return [item.key.sort for item in page.items]


def found(documents: Documents, key: Key = KEY) -> Document:
    document = documents.get(key)
    assert document is not None
    return document


def walk(pages: Callable[[str | None], Page]) -> list[list[str]]:
    """Sort keys of all pages, page by page."""
    seen, cursor = [], None
    while True:
        page = pages(cursor)
        seen.append(sorts_of(page))
        cursor = page.cursor
        if cursor is None:
            return seen


class DocumentsContract:
    def test_it_works(self, documents: Documents) -> None:
        documents.transact([Put(KEY, BODY)])
        assert documents.get(KEY) == Document(KEY, BODY, version=1)

    def test_what_was_never_written_is_none(self, documents: Documents) -> None:
        assert documents.get(KEY) is None

    @pytest.mark.parametrize("number", [0, -1, 2**62, 10**15, 1.0, 0.1, -2.5, 1e-7, 1e300, True])
    def test_numbers_keep_value_and_type(self, documents: Documents, number: float) -> None:
        documents.transact([Put(KEY, {"n": number, "deep": [number]})])
        body = found(documents).body
        assert (body["n"], type(body["n"])) == (number, type(number))
        assert (body["deep"][0], type(body["deep"][0])) == (number, type(number))

    def test_an_empty_body_is_a_body(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {})])
        assert found(documents).body == {}

    @pytest.mark.parametrize(
        "name", ["status", "a.b", "a b", "#name", ":v", "ä", "", "body", "version", "expires", "pk"]
    )
    def test_fields_may_have_any_name(self, documents: Documents, name: str) -> None:
        documents.transact([Put(KEY, {name: 1})])
        documents.transact([Update(KEY, set={name: 2}, conditions=[FieldIs(name, 1)])])
        documents.transact([Update(KEY, add={name: 1}, conditions=[FieldAtLeast(name, 2)])])
        assert found(documents).body == {name: 3}

    @pytest.mark.parametrize("text", ["a/b#c|d", "ünï\U0001f600", "%25 +", "'; drop", "x" * 500])
    def test_keys_may_hold_any_text(self, documents: Documents, text: str) -> None:
        documents.transact([Put(Key(text, text), {}, indexes={Index.FIRST: Key(text, text)})])
        assert found(documents, Key(text, text)).indexes == {Index.FIRST: Key(text, text)}
        assert sorts_of(documents.query_index(Index.FIRST, text)) == [text]

    @pytest.mark.parametrize(
        "key", [Key("", "a"), Key("a", ""), Key("x" * 501, "a"), Key("a", "x" * 501), Key("\ud800", "a")]
    )
    def test_bad_keys_are_refused(self, documents: Documents, key: Key) -> None:
        with pytest.raises(Invalid):
            documents.transact([Put(key, {})])
        with pytest.raises(Invalid):
            documents.transact([Put(KEY, {}, indexes={Index.FIRST: key})])
        with pytest.raises(Invalid):
            documents.get(key)

    def test_a_changed_answer_changes_nothing_stored(self, documents: Documents) -> None:
        given: dict[str, Any] = {"list": [1]}
        documents.transact([Put(KEY, given)])
        given["list"].append(2)
        found(documents).body["list"].append(3)
        assert found(documents).body == {"list": [1]}

    def test_versions_grow_by_one_and_start_again_after_a_delete(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {})])
        documents.transact([Put(KEY, {})])
        documents.transact([Update(KEY, set={"a": 1})])
        assert found(documents).version == 3
        documents.transact([Delete(KEY)])
        documents.transact([Put(KEY, {})])
        assert found(documents).version == 1

    def test_get_many_answers_in_the_order_asked(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"n": 1}), Put(OTHER, {"n": 2})])
        answers = documents.get_many([OTHER, Key("tenant", "none"), KEY, OTHER])
        assert [answer and answer.body["n"] for answer in answers] == [2, None, 1, 2]
        assert documents.get_many([]) == []

    def test_get_many_takes_many(self, documents: Documents) -> None:
        put_all(documents, [f"{n:03}" for n in range(100)])
        put_all(documents, [f"{n:03}" for n in range(100, 130)])
        answers = documents.get_many([Key("p", f"{n:03}") for n in range(130)])
        assert [answer and answer.key.sort for answer in answers] == [f"{n:03}" for n in range(130)]


class DocumentWritesContract:
    def test_a_put_replaces_body_and_indexes(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"a": 1}, indexes={Index.FIRST: Key("i", "1"), Index.SECOND: Key("j", "1")})])
        documents.transact([Put(KEY, {"b": 2}, indexes={Index.FIRST: Key("i", "2")})])
        assert found(documents) == Document(KEY, {"b": 2}, 2, {Index.FIRST: Key("i", "2")})
        assert documents.query_index(Index.SECOND, "j").items == []

    def test_an_update_sets_adds_and_keeps_the_rest(self, documents: Documents, clock: Clock) -> None:
        expires, indexes = clock.now() + timedelta(days=1), {Index.THIRD: Key("i", "1")}
        documents.transact([Put(KEY, {"kept": 1, "old": {"x": 1}, "n": 5}, indexes=indexes, expires=expires)])
        documents.transact([Update(KEY, set={"old": None, "new": [1]}, add={"n": -7, "missing": 2})])
        body = {"kept": 1, "old": None, "new": [1], "n": -2, "missing": 2}
        assert found(documents) == Document(KEY, body, 2, indexes, expires)

    def test_an_update_of_nothing_fails(self, documents: Documents) -> None:
        with pytest.raises(ConditionFailed) as caught:
            documents.transact([Update(KEY, set={"a": 1})])
        assert caught.value.keys == (KEY,)
        assert documents.get(KEY) is None

    @pytest.mark.parametrize("value", ["text", True, None, [1]])
    def test_adding_to_what_is_no_number_is_refused(self, documents: Documents, value: Any) -> None:
        documents.transact([Put(KEY, {"n": value})])
        with pytest.raises(Invalid):
            documents.transact([Update(KEY, add={"n": 1})])
        assert found(documents) == Document(KEY, {"n": value}, 1)

    def test_one_field_both_set_and_added_is_refused(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"n": 1})])
        with pytest.raises(Invalid):
            documents.transact([Update(KEY, set={"n": 1}, add={"n": 1})])

    def test_a_delete_removes_from_the_indexes_too(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {}, indexes={Index.FIRST: Key("i", "1")})])
        documents.transact([Delete(KEY)])
        assert documents.get(KEY) is None
        assert documents.query_index(Index.FIRST, "i").items == []

    def test_deleting_what_is_not_there_is_no_error(self, documents: Documents) -> None:
        documents.transact([Delete(KEY)])
        assert documents.get(KEY) is None

    def test_a_check_changes_nothing(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"a": 1})])
        documents.transact([Check(KEY, [Exists()]), Check(OTHER, [Absent()])])
        assert found(documents).version == 1

    def test_all_writes_or_none(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"n": 1})])
        with pytest.raises(ConditionFailed):
            documents.transact([Update(KEY, add={"n": 1}), Put(OTHER, {}), Check(Key("tenant", "third"), [Exists()])])
        assert found(documents) == Document(KEY, {"n": 1}, 1)
        assert documents.get(OTHER) is None

    def test_the_failure_names_every_key_at_fault(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {})])
        third = Key("another", "third")
        with pytest.raises(ConditionFailed) as caught:
            documents.transact([Put(KEY, {}, [Absent()]), Put(OTHER, {}, [Absent()]), Check(third, [VersionIs(1)])])
        assert set(caught.value.keys) == {KEY, third}

    def test_no_writes_is_no_error(self, documents: Documents) -> None:
        documents.transact([])

    def test_a_transaction_has_a_limit(self, documents: Documents) -> None:
        put_all(documents, [f"{n:03}" for n in range(TRANSACTION_LIMIT)])
        assert len(documents.query("p", limit=200).items) == TRANSACTION_LIMIT
        with pytest.raises(Invalid):
            put_all(documents, [f"{n:03}" for n in range(TRANSACTION_LIMIT + 1)])

    def test_a_transaction_holds_no_more_bytes_than_its_limit(self, documents: Documents) -> None:
        text = "x" * (DOCUMENT_LIMIT - 1000)
        puts = [Put(Key("p", f"{n:03}"), {"text": text}) for n in range(TRANSACTION_BYTES // len(text) + 1)]
        documents.transact(puts[:-1])
        with pytest.raises(Invalid):
            documents.transact(puts)

    def test_two_writes_to_one_key_are_refused(self, documents: Documents) -> None:
        with pytest.raises(Invalid):
            documents.transact([Put(KEY, {}), Check(KEY, [Absent()])])
        assert documents.get(KEY) is None

    def test_a_document_has_a_limit(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"text": "x" * (DOCUMENT_LIMIT - 20)})])
        assert len(found(documents).body["text"]) == DOCUMENT_LIMIT - 20
        with pytest.raises(Invalid):
            documents.transact([Put(OTHER, {"text": "x" * DOCUMENT_LIMIT})])

    @pytest.mark.parametrize("value", [object(), {1: 2}, 2**70, "\ud800", b"bytes"])
    def test_what_is_not_json_is_refused(self, documents: Documents, value: Any) -> None:
        with pytest.raises(Invalid):
            documents.transact([Put(KEY, {"value": value})])
        assert documents.get(KEY) is None


HOLDS: list[Condition] = [
    Exists(),
    VersionIs(1),
    FieldIs("text", "a"),
    FieldIs("one", 1),
    FieldIs("zero", 0),
    FieldIs("yes", value=True),
    FieldIs("no", value=False),
    FieldIs("empty", ""),
    FieldIs("null", None),
    FieldIs("missing", None),
    FieldAtLeast("one", 1),
    FieldAtLeast("one", -5),
    FieldAtLeast("half", 0),
    FieldAtMost("one", 1),
    FieldAtMost("one", 2),
    FieldAtMost("half", 1),
]
FAILS: list[Condition] = [
    Absent(),
    VersionIs(2),
    FieldIs("text", "b"),
    FieldIs("text", None),
    FieldIs("missing", "a"),
    FieldIs("one", value=True),
    FieldIs("yes", 1),
    FieldIs("zero", value=False),
    FieldIs("no", 0),
    FieldIs("no", None),
    FieldIs("zero", None),
    FieldIs("empty", None),
    FieldIs("one", "1"),
    FieldIs("null", "null"),
    FieldAtLeast("one", 2),
    FieldAtLeast("half", 1),
    FieldAtLeast("missing", 0),
    FieldAtLeast("text", 0),
    FieldAtLeast("null", 0),
    FieldAtLeast("yes", 0),
    FieldAtMost("one", 0),
    FieldAtMost("half", 0),
    FieldAtMost("missing", 9),
    FieldAtMost("yes", 9),
]
SAMPLE = {"text": "a", "one": 1, "zero": 0, "half": 0.5, "yes": True, "no": False, "empty": "", "null": None}


class Colour(StrEnum):
    RED = "red"


class DocumentConditionsContract:
    def test_an_enum_of_text_is_its_text(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"colour": Colour.RED})])
        documents.transact([Update(KEY, set={"other": Colour.RED}, conditions=[FieldIs("colour", Colour.RED)])])
        assert found(documents).body == {"colour": "red", "other": "red"}
        assert type(found(documents).body["colour"]) is str

    @pytest.mark.parametrize("condition", HOLDS, ids=repr)
    def test_a_condition_that_holds_lets_every_write_pass(self, documents: Documents, condition: Condition) -> None:
        keys = [Key("p", sort) for sort in "abcd"]
        documents.transact([Put(key, SAMPLE) for key in keys])
        a, b, c, d = keys
        only = [condition]
        documents.transact(
            [Put(a, {"a": 1}, only), Update(b, set={"b": 1}, conditions=only), Delete(c, only), Check(d, only)]
        )
        assert found(documents, a).body == {"a": 1}
        assert found(documents, b).body == SAMPLE | {"b": 1}
        assert documents.get(c) is None

    @pytest.mark.parametrize("condition", FAILS, ids=repr)
    def test_a_condition_that_fails_stops_every_write(self, documents: Documents, condition: Condition) -> None:
        documents.transact([Put(KEY, SAMPLE)])
        only = [condition]
        for write in (
            Put(KEY, {}, only),
            Update(KEY, set={"b": 1}, conditions=only),
            Delete(KEY, only),
            Check(KEY, only),
        ):
            with pytest.raises(ConditionFailed):
                documents.transact([write])
        assert found(documents) == Document(KEY, SAMPLE, 1)

    @pytest.mark.parametrize(
        "condition",
        [
            Exists(),
            VersionIs(0),
            VersionIs(1),
            FieldIs("a", None),
            FieldIs("a", 1),
            FieldAtLeast("a", 0),
            FieldAtMost("a", 0),
        ],
        ids=repr,
    )
    def test_without_a_document_only_absent_holds(self, documents: Documents, condition: Condition) -> None:
        documents.transact([Check(KEY, [Absent()])])
        for write in (Put(KEY, {}, [condition]), Delete(KEY, [condition]), Check(KEY, [condition])):
            with pytest.raises(ConditionFailed):
                documents.transact([write])
        assert documents.get(KEY) is None

    def test_all_conditions_of_a_write_must_hold(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {"n": 1})])
        with pytest.raises(ConditionFailed):
            documents.transact([Update(KEY, add={"n": 1}, conditions=[FieldAtLeast("n", 1), FieldAtMost("n", 0)])])
        documents.transact(
            [Update(KEY, add={"n": 1}, conditions=[FieldAtLeast("n", 1), FieldAtMost("n", 1), VersionIs(1)])]
        )
        assert found(documents).body == {"n": 2}

    def test_conditions_see_the_state_before_the_transaction(self, documents: Documents) -> None:
        documents.transact([Put(KEY, {}), Check(OTHER, [Absent()])])
        documents.transact([Delete(KEY, [Exists()]), Put(OTHER, {}, [Absent()])])
        assert documents.get(KEY) is None
        assert found(documents, OTHER).version == 1


class DocumentQueriesContract:
    def test_a_partition_comes_in_order_of_sort_keys(self, documents: Documents) -> None:
        put_all(documents, ["b", "a", "B", "ä", "a!", "\U0001f600", "\uffee"])
        put_all(documents, ["x"], partition="another")
        assert sorts_of(documents.query("p")) == ["B", "a", "a!", "b", "ä", "\uffee", "\U0001f600"]

    def test_an_unknown_partition_is_empty(self, documents: Documents) -> None:
        assert documents.query("nowhere") == Page([], None)

    def test_descending(self, documents: Documents) -> None:
        put_all(documents, "abc")
        assert sorts_of(documents.query("p", descending=True)) == ["c", "b", "a"]

    def test_documents_come_whole(self, documents: Documents, clock: Clock) -> None:
        expires, indexes = clock.now() + timedelta(days=1), {Index.FIRST: Key("i", "1"), Index.THIRD: Key("k", "3")}
        documents.transact([Put(KEY, BODY, indexes=indexes, expires=expires)])
        document = Document(KEY, BODY, 1, indexes, expires)
        assert documents.query("tenant").items == [document]
        assert documents.query_index(Index.FIRST, "i").items == [document]

    @pytest.mark.parametrize(
        ("within", "expected"),
        [
            (Range(prefix="b"), ["b", "b1", "b2", "b\U0010ffff"]),
            (Range(start="b1"), ["b1", "b2", "b\U0010ffff", "c"]),
            (Range(end="b1"), ["a", "b", "b1"]),
            (Range(start="b1", end="b2"), ["b1", "b2"]),
            (Range(start="b11", end="bz"), ["b2"]),
            (Range(prefix="b", start="b1"), ["b1", "b2", "b\U0010ffff"]),
            (Range(prefix="b", end="b1"), ["b", "b1"]),
            (Range(prefix="b", start="a", end="z"), ["b", "b1", "b2", "b\U0010ffff"]),
            (Range(prefix="c", start="d"), []),
            (Range(start="c", end="a"), []),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("descending", [False, True])
    def test_ranges(self, documents: Documents, within: Range, expected: list[str], *, descending: bool) -> None:
        sorts = ["a", "b", "b1", "b2", "b\U0010ffff", "c"]
        documents.transact([Put(Key("p", sort), {}, indexes={Index.FIRST: Key("i", sort)}) for sort in sorts])
        expected = expected[::-1] if descending else expected
        assert sorts_of(documents.query("p", within, descending=descending)) == expected
        assert sorts_of(documents.query_index(Index.FIRST, "i", within, descending=descending)) == expected

    @pytest.mark.parametrize(
        "prefix", ["\ud7ff", "\U0010ffff", "a\U0010ffff", "\x7f", "\U0010ffff\U0010ffff", "\uffff", "%", "_"]
    )
    def test_prefixes_at_the_edges_of_unicode(self, documents: Documents, prefix: str) -> None:
        after = ["\U0010fffe", "a\U0010fffe", "b", "\ue000", "\x80", "\U00010000"]
        put_all(documents, [prefix, prefix + "\U0010ffff", prefix + "\x01", *after])
        assert sorts_of(documents.query("p", Range(prefix=prefix))) == [prefix, prefix + "\x01", prefix + "\U0010ffff"]

    @pytest.mark.parametrize("limit", [0, -1])
    def test_a_limit_below_one_is_refused(self, documents: Documents, limit: int) -> None:
        with pytest.raises(Invalid):
            documents.query("p", limit=limit)
        with pytest.raises(Invalid):
            documents.query_index(Index.FIRST, "p", limit=limit)

    @pytest.mark.parametrize("descending", [False, True])
    def test_pages_meet_without_gap_or_overlap(self, documents: Documents, *, descending: bool) -> None:
        put_all(documents, "abcdefg")
        pages = walk(lambda cursor: documents.query("p", limit=3, cursor=cursor, descending=descending))
        assert pages == (
            [["g", "f", "e"], ["d", "c", "b"], ["a"]] if descending else [["a", "b", "c"], ["d", "e", "f"], ["g"]]
        )

    def test_pages_keep_to_the_range(self, documents: Documents) -> None:
        put_all(documents, "abcdefg")
        within = Range(start="b", end="f")
        assert walk(lambda cursor: documents.query("p", within, limit=2, cursor=cursor)) == [
            ["b", "c"],
            ["d", "e"],
            ["f"],
        ]

    def test_a_full_last_page_has_no_cursor(self, documents: Documents) -> None:
        put_all(documents, "abcd")
        assert walk(lambda cursor: documents.query("p", limit=2, cursor=cursor)) == [["a", "b"], ["c", "d"]]

    def test_a_cursor_outlives_the_document_it_names(self, documents: Documents) -> None:
        put_all(documents, "abcd")
        cursor = documents.query("p", limit=2).cursor
        documents.transact([Delete(Key("p", "b")), Put(Key("p", "bb"), {})])
        assert sorts_of(documents.query("p", cursor=cursor)) == ["bb", "c", "d"]

    def test_a_cursor_is_safe_in_a_url(self, documents: Documents) -> None:
        put_all(documents, ["ÿÿÿ?>~", "ÿÿÿ?>~~"])
        cursor = documents.query("p", limit=1).cursor or ""
        assert cursor.replace("-", "").replace("_", "").isalnum()
        assert sorts_of(documents.query("p", cursor=cursor)) == ["ÿÿÿ?>~~"]

    @pytest.mark.parametrize("cursor", HARD, ids=lambda text: repr(text[:10]))
    def test_a_made_up_cursor_is_refused(self, documents: Documents, cursor: str) -> None:
        put_all(documents, "abc")
        with pytest.raises(BadCursor):
            documents.query("p", cursor=cursor)
        with pytest.raises(BadCursor):
            documents.query_index(Index.FIRST, "p", cursor=cursor)

    def test_a_cut_cursor_is_refused(self, documents: Documents) -> None:
        put_all(documents, "abc")
        cursor = documents.query("p", limit=1).cursor or ""
        for end in range(len(cursor)):
            with pytest.raises(BadCursor):
                documents.query("p", cursor=cursor[:end])

    def test_a_cursor_outside_the_range_is_refused(self, documents: Documents) -> None:
        put_all(documents, "abcd")
        cursor = documents.query("p", limit=1).cursor
        with pytest.raises(BadCursor):
            documents.query("p", Range(start="b"), cursor=cursor)


class DocumentIndexesContract:
    def put(self, documents: Documents, sort: str, at: str, partition: str = "p") -> None:
        documents.transact([Put(Key(partition, sort), {}, indexes={Index.SECOND: Key("i", at)})])

    def test_an_index_orders_by_its_own_keys(self, documents: Documents) -> None:
        self.put(documents, "a", "3")
        self.put(documents, "b", "1")
        self.put(documents, "c", "2", partition="another")
        put_all(documents, "d")
        assert sorts_of(documents.query_index(Index.SECOND, "i")) == ["b", "c", "a"]
        assert documents.query_index(Index.FIRST, "i").items == []

    @pytest.mark.parametrize("descending", [False, True])
    def test_equal_index_keys_come_in_order_of_the_documents_keys(
        self, documents: Documents, *, descending: bool
    ) -> None:
        for partition, sort in [("q", "a"), ("p", "b"), ("p", "c"), ("p", "a"), ("q", "b")]:
            self.put(documents, sort, "same", partition)
        page = documents.query_index(Index.SECOND, "i", descending=descending)
        expected = ["pa", "pb", "pc", "qa", "qb"]
        assert [item.key.partition + item.key.sort for item in page.items] == (
            expected[::-1] if descending else expected
        )

    @pytest.mark.parametrize("descending", [False, True])
    def test_pages_of_equal_index_keys_meet(self, documents: Documents, *, descending: bool) -> None:
        for sort in "abcdefg":
            self.put(documents, sort, "same" if sort < "f" else "tail")
        pages = walk(
            lambda cursor: documents.query_index(Index.SECOND, "i", limit=3, cursor=cursor, descending=descending)
        )
        assert pages == (
            [["g", "f", "e"], ["d", "c", "b"], ["a"]] if descending else [["a", "b", "c"], ["d", "e", "f"], ["g"]]
        )

    def test_the_range_includes_all_of_an_equal_index_key(self, documents: Documents) -> None:
        for sort, at in zip("abcd", "1223", strict=True):
            self.put(documents, sort, at)
        assert sorts_of(documents.query_index(Index.SECOND, "i", Range(start="2", end="2"))) == ["b", "c"]
        assert sorts_of(documents.query_index(Index.SECOND, "i", Range(prefix="2"))) == ["b", "c"]

    def test_moving_in_an_index_leaves_no_trace(self, documents: Documents) -> None:
        self.put(documents, "a", "1")
        self.put(documents, "a", "2")
        assert [item.indexes[Index.SECOND].sort for item in documents.query_index(Index.SECOND, "i").items] == ["2"]

    def test_a_cursor_of_an_index_is_none_of_a_partition(self, documents: Documents) -> None:
        self.put(documents, "a", "1")
        self.put(documents, "b", "2")
        with pytest.raises(BadCursor):
            documents.query("i", cursor=documents.query_index(Index.SECOND, "i", limit=1).cursor)


class DocumentExpiryContract:
    """`clock` is the adapter's clock; `pass_time(seconds)` moves it."""

    @pytest.fixture
    def short(self, documents: Documents, clock: Clock) -> Put:
        put = Put(KEY, {"n": 1}, indexes={Index.FIRST: Key("i", "1")}, expires=clock.now() + timedelta(seconds=60))
        documents.transact([put])
        return put

    def test_it_is_there_until_then(self, documents: Documents, short: Put, pass_time: Callable[[float], None]) -> None:
        pass_time(58)
        assert found(documents) == Document(KEY, {"n": 1}, 1, short.indexes, short.expires)
        assert len(documents.query("tenant").items) == 1

    @pytest.mark.usefixtures("short")
    def test_past_it_nothing_returns_it(self, documents: Documents, pass_time: Callable[[float], None]) -> None:
        pass_time(62)
        assert documents.get(KEY) is None
        assert documents.get_many([KEY]) == [None]
        assert documents.query("tenant") == Page([], None)
        assert documents.query_index(Index.FIRST, "i") == Page([], None)

    @pytest.mark.usefixtures("short")
    def test_past_it_only_absent_holds(self, documents: Documents, pass_time: Callable[[float], None]) -> None:
        pass_time(62)
        for write in (Update(KEY, add={"n": 1}), Check(KEY, [Exists()]), Put(KEY, {}, [FieldIs("n", 1)])):
            with pytest.raises(ConditionFailed):
                documents.transact([write])
        documents.transact([Check(KEY, [Absent()])])

    @pytest.mark.usefixtures("short")
    def test_a_new_one_in_its_place_starts_again(
        self, documents: Documents, pass_time: Callable[[float], None]
    ) -> None:
        pass_time(62)
        documents.transact([Put(KEY, {"n": 2}, [Absent()])])
        assert found(documents) == Document(KEY, {"n": 2}, 1)

    @pytest.mark.usefixtures("short")
    def test_a_put_without_expiry_keeps_it_for_good(
        self, documents: Documents, pass_time: Callable[[float], None]
    ) -> None:
        documents.transact([Put(KEY, {"n": 2})])
        pass_time(62)
        assert found(documents) == Document(KEY, {"n": 2}, 2)

    def test_pages_are_filled_past_expired_documents(
        self, documents: Documents, clock: Clock, pass_time: Callable[[float], None]
    ) -> None:
        soon = clock.now() + timedelta(seconds=60)
        documents.transact([Put(Key("p", sort), {}, expires=soon if sort in "bcf" else None) for sort in "abcdef"])
        pass_time(62)
        assert walk(lambda cursor: documents.query("p", limit=2, cursor=cursor)) == [["a", "d"], ["e"]]
