"""Documents in one DynamoDB table with three secondary indexes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from time import sleep
from typing import Any

from chalicelib.aws import Client, Refused, call
from chalicelib.clock import Clock
from chalicelib.documents import (
    EVERYTHING,
    Absent,
    BadCursor,
    ConditionFailed,
    Delete,
    Document,
    Index,
    Key,
    Page,
    Put,
    Range,
    Update,
    Write,
)
from chalicelib.documents.checks import check_keys, check_limit, check_writes, encode_body, encode_puts
from chalicelib.documents.cursors import covers
from chalicelib.documents.dynamodb.expressions import Expressions
from chalicelib.documents.dynamodb.items import MARK, Item, is_expired, to_document, to_item_key, to_key
from chalicelib.documents.dynamodb.lists import List
from chalicelib.errors import Invalid, Unavailable

GET_LIMIT = 100
ATTEMPTS = 6

LOST_CODES = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
INVALID_CODES = frozenset({"ValidationError", "ItemCollectionSizeLimitExceeded"})


@dataclass(frozen=True, slots=True)
class _Failure:
    """A write whose conditions did not hold, and the item that was in its way where DynamoDB told."""

    write: Write
    item: Item | None


class DynamoDocuments:
    def __init__(self, client: Client, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def get(self, key: Key) -> Document | None:
        check_keys([key])
        answer = call(self._client.get_item, TableName=self._table, Key=to_item_key(key), ConsistentRead=True)
        return self._living(answer.get("Item"))

    def get_many(self, keys: Sequence[Key]) -> list[Document | None]:
        check_keys(keys)
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), GET_LIMIT):
            found |= {to_key(item): item for item in self._items(wanted[start : start + GET_LIMIT])}
        return [self._living(found.get(key)) for key in keys]

    def _items(self, keys: Sequence[Key]) -> Iterator[Item]:
        """What is there of them; DynamoDB may leave any out when it is busy or the answer grows large."""
        left = {self._table: {"Keys": [to_item_key(key) for key in keys], "ConsistentRead": True}}
        idle = 0
        while left:
            answer = call(self._client.batch_get_item, RequestItems=left)
            items = answer["Responses"].get(self._table, [])
            yield from items
            left = answer.get("UnprocessedKeys")
            idle = 0 if items else idle + 1
            if left and idle == ATTEMPTS:
                raise Unavailable("DynamoDB is overloaded: it leaves keys of a batch unread.")
            if left and idle:
                sleep(0.05 * 2**idle)

    def _living(self, item: Item | None) -> Document | None:
        return None if item is None or is_expired(item, self._clock.now()) else to_document(item)

    def query(
        self,
        partition: str,
        within: Range = EVERYTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
        descending: bool = False,
    ) -> Page:
        return self._page(List(None, partition), within, limit, cursor, descending=descending)

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
        return self._page(List(index, partition), within, limit, cursor, descending=descending)

    def _page(self, among: List, within: Range, limit: int, cursor: str | None, *, descending: bool) -> Page:
        check_limit(limit)
        start = None if cursor is None else among.position(cursor, within)
        expressions = Expressions(self._clock.now())
        condition = among.condition(expressions, within)
        if condition is None:
            return Page([], None)
        request = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ScanIndexForward": not descending,
            "Limit": limit + 1,
            **expressions.arguments(),
            **({"ConsistentRead": True} if among.index is None else {"IndexName": among.index.value}),
        }
        living = (each for each in self._documents(request, start) if covers(within, among.sort_of(each)))
        found = list(islice(living, limit + 1))
        return Page(found[:limit], among.cursor_after(found[limit - 1]) if len(found) > limit else None)

    def _documents(self, request: Mapping[str, Any], start: Item | None) -> Iterator[Document]:
        """The living documents of a query, over as many of DynamoDB's pages as are asked for."""
        while True:
            position = {} if start is None else {"ExclusiveStartKey": start}
            try:
                answer = call(self._client.query, **request, **position)
            except Refused as refused:
                if refused.code == "ValidationException" and start is not None:
                    raise BadCursor from refused
                raise
            now = self._clock.now()
            yield from (to_document(item) for item in answer["Items"] if not is_expired(item, now))
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return

    def transact(self, writes: Sequence[Write], *, durable: bool = True) -> None:  # noqa: ARG002 - all is durable there
        check_writes(writes)
        encode_puts(writes)
        for write in writes:
            if isinstance(write, Update):
                encode_body(write.set)
        # A put goes on counting versions unless an expired document is in its place, which only its failure reveals.
        anew = {write.key for write in writes if isinstance(write, Put) and _asks_for_absence(write)}
        for _ in range(ATTEMPTS):
            failures = self._try(writes, anew)
            if not failures:
                return
            mistaken = {failure.write.key for failure in failures if self._was_mistaken(failure, anew)}
            if len(mistaken) < len(failures):
                raise ConditionFailed([each.write.key for each in failures if each.write.key not in mistaken])
            anew ^= mistaken
        raise ConditionFailed([failure.write.key for failure in failures])

    def _was_mistaken(self, failure: _Failure, anew: set[Key]) -> bool:
        """Whether a put failed because of what was taken for granted about its place, not because of its conditions."""
        if not isinstance(failure.write, Put) or failure.item is None or _asks_for_absence(failure.write):
            return False
        return is_expired(failure.item, self._clock.now()) != (failure.write.key in anew)

    def _try(self, writes: Sequence[Write], anew: set[Key]) -> list[_Failure]:
        now, mark = self._clock.now(), self._clock.new_id()
        requests = [self._request(write, now, mark, anew=write.key in anew) for write in writes]
        match writes, requests:
            case [], _:
                return []
            case [write], [("Update", request)]:
                return self._try_one(write, mark, request, self._client.update_item)
            case [write], [("Delete", request)]:
                return self._try_one(write, mark, request, self._client.delete_item)
            case _:
                return self._try_all(writes, [{kind: request} for kind, request in requests])

    def _request(self, write: Write, now: datetime, mark: str, *, anew: bool) -> tuple[str, dict[str, Any]]:
        expressions = Expressions(now)
        request: dict[str, Any] = {"TableName": self._table, "Key": to_item_key(write.key)}
        kind, terms = "Update", expressions.hold(write.conditions)
        match write:
            case Put():
                terms += [expressions.absent() if anew else expressions.not_expired(), expressions.unmarked(mark)]
                request["UpdateExpression"] = expressions.put(write, mark, anew=anew)
            case Update():
                terms += [expressions.exists(), expressions.unmarked(mark)]
                request["UpdateExpression"] = expressions.update(write, mark)
            case Delete():
                kind = "Delete"
            case _:
                kind = "ConditionCheck"
        if terms:
            request["ConditionExpression"] = " AND ".join(terms)
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return kind, request | expressions.arguments()

    def _try_one(self, write: Write, mark: str, request: Mapping[str, Any], operation: Any) -> list[_Failure]:
        """The write alone, at half of a transaction's price.

        boto3 repeats a request whose answer was lost. AWS recognises a repeated transaction by its token; a repeated
        write is known by the mark that the first one left.
        """
        try:
            call(operation, **request)
        except Refused as refused:
            match refused.code:
                case "ConditionalCheckFailedException":
                    item = refused.answer.get("Item")
                    repeated = item is not None and item.get(MARK) == {"S": mark}
                    return [] if repeated else [_Failure(write, item)]
                case "TransactionConflictException":
                    return [_Failure(write, None)]
                case "ValidationException":
                    raise Invalid(f"DynamoDB does not take the write: {refused}") from refused
            raise
        return []

    def _try_all(self, writes: Sequence[Write], items: Sequence[Mapping[str, Any]]) -> list[_Failure]:
        try:
            call(self._client.transact_write_items, TransactItems=items)
        except Refused as refused:
            match refused.code:
                case "TransactionCanceledException":
                    return _judge(writes, refused)
                case "ValidationException":
                    raise Invalid(f"DynamoDB does not take the writes: {refused}") from refused
            raise
        return []


def _judge(writes: Sequence[Write], refused: Refused) -> list[_Failure]:
    reasons = refused.answer["CancellationReasons"]
    codes = {reason["Code"] for reason in reasons} - {"None"}
    if codes & INVALID_CODES:
        raise Invalid(f"DynamoDB does not take the writes: {refused}") from refused
    if not codes <= LOST_CODES:
        raise Unavailable(f"DynamoDB is overloaded: {', '.join(sorted(codes - LOST_CODES))}") from refused
    return [
        _Failure(write, reason.get("Item"))
        for write, reason in zip(writes, reasons, strict=True)
        if reason["Code"] != "None"
    ]


def _asks_for_absence(put: Put) -> bool:
    return any(isinstance(condition, Absent) for condition in put.conditions)
