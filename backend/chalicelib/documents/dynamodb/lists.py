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

LAST_CHARACTER = "\U0010ffff"
SURROGATES, AFTER_SURROGATES = 0xD800, 0xE000


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
        term = f"{expressions.name(partition)} = {expressions.text(self.partition)}"
        lower, upper = self._bounds(within)
        if upper is None and not lower:
            return term
        if upper is None:
            return f"{term} AND {expressions.name(sort)} >= {expressions.text(lower)}"
        if upper < lower:
            return None
        if not lower:
            return f"{term} AND {expressions.name(sort)} <= {expressions.text(upper)}"
        return f"{term} AND {expressions.name(sort)} BETWEEN {expressions.text(lower)} AND {expressions.text(upper)}"

    def _bounds(self, within: Range) -> tuple[str, str | None]:
        """What all sort keys of the range lie between; `_successor` itself may lie there too."""
        lower = max(within.prefix, within.start or "")
        uppers = [_successor(within.prefix)]
        if within.end is not None:
            uppers.append(within.end if self.index is None else within.end + AFTER_TIES)
        return lower, min((upper for upper in uppers if upper is not None), default=None)


def _successor(prefix: str) -> str | None:
    """The first text after all that start with `prefix`; None when only the end of Unicode is."""
    kept = prefix.rstrip(LAST_CHARACTER)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(AFTER_SURROGATES if following == SURROGATES else following)
