"""How a document lies in DynamoDB.

Fields of the body are entries of one map, so that one expression replaces the body or changes a field without reading.
Text, integers, booleans and null are DynamoDB's own; what those types cannot carry unharmed (floats, lists, objects) is
JSON text in a small map.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from chalicelib.clock import from_text, to_text
from chalicelib.documents import (
    Document,
    Index,
    Json,
    Key,
    Put,
)
from chalicelib.errors import Invalid

Attribute = Mapping[str, Any]
Item = Mapping[str, Attribute]

PARTITION, SORT = "pk", "sk"
VERSION, BODY, MARK = "version", "body", "mark"
EXPIRES, TIME_TO_LIVE = "expires", "ttl"
"""DynamoDB's own expiry knows whole seconds and comes hours late, so the exact moment is kept beside it."""

FIELD = "."
"""Before each field's name in the body: DynamoDB has no empty names, JSON has."""

JSON_TEXT, NUMBER = "json", "number"
LARGEST_NUMBER = Decimal("9.9e125")
SMALLEST_NUMBER = Decimal("1e-130")
INTEGER_DIGITS = 38

TIE = "\x01"
"""Between an index's sort key and the document's own key, which keeps equal ones in a known order."""
AFTER_TIES = "\x02"
SORT_BYTES = 1024

INDEX_NAMES = {
    Index.FIRST: ("i1pk", "i1sk"),
    Index.SECOND: ("i2pk", "i2sk"),
    Index.THIRD: ("i3pk", "i3sk"),
}


def to_item_key(key: Key) -> dict[str, Attribute]:
    return {PARTITION: {"S": key.partition}, SORT: {"S": key.sort}}


def to_key(item: Item) -> Key:
    return Key(item[PARTITION]["S"], item[SORT]["S"])


def to_document(item: Item) -> Document:
    return Document(
        key=to_key(item),
        body={name.removeprefix(FIELD): _to_value(attribute) for name, attribute in item[BODY]["M"].items()},
        version=int(item[VERSION]["N"]),
        indexes={
            index: Key(item[partition]["S"], item[sort]["S"].partition(TIE)[0])
            for index, (partition, sort) in INDEX_NAMES.items()
            if partition in item
        },
        expires=from_text(item[EXPIRES]["S"]) if EXPIRES in item else None,
    )


def is_expired(item: Item, now: datetime) -> bool:
    return EXPIRES in item and item[EXPIRES]["S"] <= to_text(now)


def _to_value(attribute: Attribute) -> Any:
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            return int(value)
        case "NULL":
            return None
        case "M":
            return orjson.loads(value[JSON_TEXT]["S"])
        case _:
            return value


def to_attribute(value: Any) -> Attribute:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() if abs(value) < 10**INTEGER_DIGITS:
            return {"N": str(value)}
        case float() if math.isfinite(value):
            return {"M": {JSON_TEXT: _json_text(value), NUMBER: {"N": _comparable(value)}}}
        case _:
            return {"M": {JSON_TEXT: _json_text(value)}}


def _json_text(value: Any) -> Attribute:
    return {"S": orjson.dumps(value).decode()}


def _comparable(value: float) -> str:
    """The number that stands for a float in conditions, which compare with integers: nearest that DynamoDB can hold."""
    exact = Decimal(repr(value))
    if abs(exact) < SMALLEST_NUMBER:
        return "0"
    return str(max(-LARGEST_NUMBER, min(LARGEST_NUMBER, exact)))


def _body_attribute(body: Json) -> Attribute:
    return {"M": {FIELD + name: to_attribute(value) for name, value in body.items()}}


def index_sort(own: Key, sort: str) -> str:
    """An index's sort key, cut where DynamoDB's limit is: only the order of ties between very long keys suffers."""
    if TIE in sort:
        raise Invalid("An index's sort key must not contain U+0001.")
    return TIE.join((sort, own.partition, own.sort)).encode()[:SORT_BYTES].decode(errors="ignore")


OPTIONAL = (EXPIRES, TIME_TO_LIVE, *(name for names in INDEX_NAMES.values() for name in names))


def to_attributes(put: Put) -> Iterator[tuple[str, Attribute]]:
    """All that a put writes but the key and the version."""
    yield BODY, _body_attribute(put.body)
    for index, key in put.indexes.items():
        partition, sort = INDEX_NAMES[index]
        yield partition, {"S": key.partition}
        yield sort, {"S": index_sort(put.key, key.sort)}
    if put.expires is not None:
        yield EXPIRES, {"S": to_text(put.expires)}
        yield TIME_TO_LIVE, {"N": str(math.ceil(put.expires.timestamp()))}
