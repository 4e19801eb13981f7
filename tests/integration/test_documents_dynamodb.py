from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.documents import Absent, ConditionFailed, Document, Index, Key, Put, Update
from chalicelib.documents.dynamodb import DynamoDocuments
from chalicelib.documents.dynamodb.table import create_table
from chalicelib.errors import Invalid, Unavailable
from tests.clocks import ManualClock
from tests.contracts.documents import (
    DocumentConditionsContract,
    DocumentExpiryContract,
    DocumentIndexesContract,
    DocumentQueriesContract,
    DocumentsContract,
    DocumentWritesContract,
)

pytestmark = pytest.mark.integration

KEY = Key("p", "a")
numbers = count(1)


@pytest.fixture(scope="module")
def client(aws: Callable[[str], Any]) -> Any:
    return aws("dynamodb")


@pytest.fixture
def table(client: Any) -> str:
    name = f"millrace-{next(numbers)}"
    create_table(client, name)
    return name


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pass_time(clock: ManualClock) -> Callable[[float], None]:
    return clock.tick


@pytest.fixture
def documents(client: Any, table: str, clock: ManualClock) -> DynamoDocuments:
    return DynamoDocuments(client, table, clock)


class TestDocuments(DocumentsContract):
    pass


class TestWrites(DocumentWritesContract):
    pass


class TestConditions(DocumentConditionsContract):
    pass


class TestQueries(DocumentQueriesContract):
    pass


class TestIndexes(DocumentIndexesContract):
    pass


class TestExpiry(DocumentExpiryContract):
    pass


class RepeatsWrites:
    """Does each write twice, as boto3 does when the first answer is lost on its way."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **request: Any) -> Any:
        self._client.update_item(**request)
        return self._client.update_item(**request)


class TestLostAnswers:
    @pytest.fixture
    def repeating(self, client: Any, table: str, clock: ManualClock) -> DynamoDocuments:
        return DynamoDocuments(RepeatsWrites(client), table, clock)

    def test_a_conditional_put_still_counts_as_done(self, repeating: DynamoDocuments) -> None:
        repeating.transact([Put(KEY, {}, [Absent()])])
        assert repeating.get(KEY) == Document(KEY, {}, 1)

    def test_nothing_is_added_twice(self, documents: DynamoDocuments, repeating: DynamoDocuments) -> None:
        documents.transact([Put(KEY, {"n": 1})])
        repeating.transact([Update(KEY, add={"n": 1})])
        assert repeating.get(KEY) == Document(KEY, {"n": 2}, 2)

    def test_someone_elses_write_still_loses(self, documents: DynamoDocuments, repeating: DynamoDocuments) -> None:
        documents.transact([Put(KEY, {})])
        with pytest.raises(ConditionFailed):
            repeating.transact([Put(KEY, {}, [Absent()])])


class Stingy:
    """Answers for one key of a batch at a time."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        [(table, wanted)] = RequestItems.items()
        first, *rest = wanted["Keys"]
        answer = self._client.batch_get_item(RequestItems={table: wanted | {"Keys": [first]}})
        return answer | {"UnprocessedKeys": {table: wanted | {"Keys": rest}} if rest else {}}


def test_keys_that_a_batch_left_unread_are_asked_for_again(
    documents: DynamoDocuments, client: Any, table: str, clock: ManualClock
) -> None:
    keys = [Key("p", sort) for sort in "abc"]
    documents.transact([Put(keys[0], {})])
    documents.transact([Put(keys[2], {})])
    answers = DynamoDocuments(Stingy(client), table, clock).get_many(keys)
    assert [answer and answer.key for answer in answers] == [keys[0], None, keys[2]]


class Overloaded:
    """Cancels transactions for want of capacity."""

    def transact_write_items(self, **_: Any) -> None:
        reasons = [{"Code": "None"}, {"Code": "ThrottlingError"}]
        answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        raise ClientError(answer, "TransactWriteItems")


def test_a_transaction_cancelled_by_throttling_is_unavailable(clock: ManualClock) -> None:
    documents = DynamoDocuments(Overloaded(), "t", clock)
    with pytest.raises(Unavailable):
        documents.transact([Put(KEY, {}), Put(Key("p", "b"), {})])


class Busy:
    """Refuses a single write because a transaction holds its item."""

    def update_item(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")


def test_an_item_that_a_transaction_holds_is_a_lost_write(clock: ManualClock) -> None:
    with pytest.raises(ConditionFailed) as caught:
        DynamoDocuments(Busy(), "t", clock).transact([Put(KEY, {})])
    assert caught.value.keys == (KEY,)


@pytest.mark.parametrize("others", [[], [Put(Key("p", "b"), {})]], ids=["alone", "in a transaction"])
def test_an_unconditional_put_over_an_expired_document_starts_again(
    documents: DynamoDocuments, clock: ManualClock, others: list[Put]
) -> None:
    documents.transact([Put(KEY, {"old": 1}, expires=clock.now() + timedelta(seconds=60))])
    documents.transact([Update(KEY, set={"old": 2})])
    clock.tick(62)
    documents.transact([Put(KEY, {"new": 1}), *others])
    assert documents.get(KEY) == Document(KEY, {"new": 1}, 1)


def test_a_page_is_filled_from_several_of_dynamodbs(documents: DynamoDocuments) -> None:
    for sort in "abcde":
        documents.transact([Put(Key("p", sort), {"text": "x" * 340_000})])
    page = documents.query("p", limit=4)
    assert [item.key.sort for item in page.items] == ["a", "b", "c", "d"]
    assert [item.key.sort for item in documents.query("p", cursor=page.cursor).items] == ["e"]


def test_an_update_past_dynamodbs_limit_is_refused(documents: DynamoDocuments) -> None:
    documents.transact([Put(KEY, {"a": "x" * 300_000})])
    with pytest.raises(Invalid):
        documents.transact([Update(KEY, set={"b": "x" * 300_000})])


def test_the_separator_of_ties_is_refused_in_an_index(documents: DynamoDocuments) -> None:
    with pytest.raises(Invalid):
        documents.transact([Put(KEY, {}, indexes={Index.FIRST: Key("i", "a\x01b")})])


def test_expired_items_are_left_for_dynamodb_to_remove(client: Any, table: str) -> None:
    expiry = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
