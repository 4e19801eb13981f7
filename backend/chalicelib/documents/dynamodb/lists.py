"""Parts of a partition, of the table or of an index, as DynamoDB's queries name them."""

from dataclasses import dataclass

from chalicelib.documents import Document, Index, Key, Range
from chalicelib.documents.cursors import read_cursor, write_cursor
from chalicelib.documents.dynamodb.expressions import Expressions
from chalicelib.documents.dynamodb.items import (
    AFTER_TIES,
    INDEX_NAMES,
    PARTITION,
    SORT,
    Attribute,
    index_sort,
    to_item_key,
)
from chalicelib.documents.ranges import bounds


@dataclass(frozen=True, slots=True)
class List:
    """A partition of the table or of an index."""

    index: Index | None
    partition: str

    @property
    def names(self) -> tuple[str, str]:
        return (PARTITION, SORT) if self.index is None else INDEX_NAMES[self.index]

    def position(self, cursor: str, within: Range) -> dict[str, Attribute]:
        """The key after which DynamoDB continues. Raises BadCursor."""
        if self.index is None:
            [sort] = read_cursor(cursor, parts=1, within=within)
            return to_item_key(Key(self.partition, sort))
        sort, *own = read_cursor(cursor, parts=3, within=within)
        key = Key(*own)
        partition_name, sort_name = self.names
        at = {partition_name: {"S": self.partition}, sort_name: {"S": index_sort(key, sort)}}
        return at | to_item_key(key)

    def sort_of(self, document: Document) -> str:
        return document.key.sort if self.index is None else document.indexes[self.index].sort

    def cursor_after(self, document: Document) -> str:
        own = () if self.index is None else (document.key.partition, document.key.sort)
        return write_cursor(self.sort_of(document), *own)

    def condition(self, expressions: Expressions, within: Range) -> str | None:
        """The key condition, or None when no sort key can be in the range."""
        partition, sort = self.names
        among = f"{expressions.name(partition)} = {expressions.text(self.partition)}"
        ends = bounds(within)
        # The sort key of an index goes on behind what it was given as.
        upper = ends.upper + AFTER_TIES if ends.upper and ends.upper_included and self.index else ends.upper
        if upper is not None and (not upper or upper < ends.lower):
            return None
        match ends.lower, upper:
            case "", None:
                return among
            case lower, None:
                return f"{among} AND {expressions.name(sort)} >= {expressions.text(lower)}"
            case "", str():
                return f"{among} AND {expressions.name(sort)} <= {expressions.text(upper)}"
            case lower, str():
                between = f"BETWEEN {expressions.text(lower)} AND {expressions.text(upper)}"
                return f"{among} AND {expressions.name(sort)} {between}"
