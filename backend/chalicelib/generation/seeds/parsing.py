"""From the bytes of a file to records, one at a time: CSV, JSON or lines of JSON, each fault with its line."""

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from chalicelib.errors import Fault
from chalicelib.generation.seeds.model import LONGEST_RECORD, SeedFormat

BOM = codecs.BOM_UTF8
DELIMITERS = ",;\t|"
MOST_FIELDS = 500
LONGEST_NAME = 200
DEEPEST = 32
PIECE = 1 << 16
csv.field_size_limit(LONGEST_RECORD)


@dataclass(frozen=True, slots=True)
class Line:
    """A record as it will be stored, and the line of the file where it is."""

    number: int
    data: bytes
    names: tuple[str, ...]


Found = Line | Fault


class Unreadable(Exception):
    """Nothing behind this fault can be understood."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def sniff(start: bytes) -> SeedFormat:
    """What a file that starts so is, when nobody says it."""
    text = start.removeprefix(BOM).lstrip()
    if text.startswith(b"["):
        return SeedFormat.JSON
    return SeedFormat.JSONL if text.startswith(b"{") else SeedFormat.CSV


def parse(pieces: Iterable[bytes], format: SeedFormat) -> Iterator[Found]:
    """Raises Unreadable where it has to end early."""
    file = io.BufferedReader(_Pieces(pieces), PIECE)
    if file.peek(len(BOM)).startswith(BOM):
        file.read(len(BOM))
    return {SeedFormat.CSV: _csv, SeedFormat.JSON: _json, SeedFormat.JSONL: _jsonl}[format](file)


class _Pieces(io.RawIOBase):
    """A file of what an iterator gives."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


File: TypeAlias = "io.BufferedReader[_Pieces]"


def _lines(file: File) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(LONGEST_RECORD + 1):
        number += 1
        if len(line) > LONGEST_RECORD:
            raise Unreadable(Fault(f"line {number}", f"is longer than {LONGEST_RECORD:,} bytes"))
        yield number, line


def _jsonl(file: File) -> Iterator[Found]:
    for number, line in _lines(file):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Fault(f"line {number}", f"is not JSON: {error.msg}, column {error.colno}")
            continue
        yield _checked(record, number)


def _csv(file: File) -> Iterator[Found]:
    start = file.peek(PIECE)
    rows = csv.reader(_texts(file), delimiter=_delimiter(start), strict=True)
    try:
        names = _header(rows)
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                yield Fault(f"line {rows.line_num}", f"has {len(row)} cells; the header has {len(names)}")
                continue
            yield _checked(dict(zip(names, row, strict=True)), rows.line_num)
    except csv.Error as error:
        raise Unreadable(Fault(f"line {rows.line_num}", f"is not CSV: {error}")) from None


def _texts(file: File) -> Iterator[str]:
    for number, line in _lines(file):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise Unreadable(Fault(f"line {number}", f"is not UTF-8, at its byte {error.start + 1}")) from None


def _delimiter(start: bytes) -> str:
    """The one that divides the first line most."""
    line = start.splitlines()[0].decode(errors="replace") if start.strip() else ""
    return max(DELIMITERS, key=lambda each: len(next(csv.reader([line], delimiter=each), [])))


def _header(rows: Iterator[list[str]]) -> tuple[str, ...]:
    names = tuple(each.strip() for each in next(rows, []))
    if not names:
        raise Unreadable(Fault("line 1", "holds no names of columns"))
    if len(names) > MOST_FIELDS:
        raise Unreadable(Fault("line 1", f"has more than {MOST_FIELDS} columns"))
    for place, name in enumerate(names, 1):
        if not name:
            raise Unreadable(Fault("line 1", f"has no name for column {place}"))
        if names.index(name) != place - 1:
            raise Unreadable(Fault("line 1", f"names the column `{name[:LONGEST_NAME]}` twice"))
    return names


def _json(file: File) -> Iterator[Found]:
    text = _Text(file)
    if text.next_character() != "[":
        raise Unreadable(Fault(text.place, "must be a list of objects: `[{...}, {...}]`"))
    text.skip(1)
    character = text.next_character()
    if character == "]":
        text.skip(1)
    while character != "]":
        text.next_character()
        number = text.line
        yield _checked(text.value(), number)
        character = text.next_character()
        if character not in (",", "]"):
            raise Unreadable(Fault(text.place, "expected `,` or `]` after a record"))
        text.skip(1)
    if text.next_character():
        raise Unreadable(Fault(text.place, "has more after the end of the list"))


class _Text:
    """A file of JSON, of which no more is kept than the value that is read."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)
        self._text = ""
        self._at = 0
        self._ended = False
        self.line = 1

    @property
    def place(self) -> str:
        return f"line {self.line}"

    def next_character(self) -> str:
        """The next that is no space; empty at the end."""
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                if not character.isspace():
                    return character
                self.skip(1)
            if not self._more():
                return ""

    def skip(self, count: int) -> None:
        self.line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def value(self) -> Any:
        while True:
            try:
                found, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._too_long() or not self._more():
                    line = self.line + self._text.count("\n", self._at, error.pos)
                    raise Unreadable(Fault(f"line {line}", f"is not JSON: {error.msg}")) from None
                continue
            except (RecursionError, ValueError) as error:
                said = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
                raise Unreadable(Fault(self.place, said)) from None
            # A number or word at the end of what was read may go on.
            if end < len(self._text) or not self._more():
                self.skip(end - self._at)
                return found

    def _too_long(self) -> bool:
        return len(self._text) - self._at > LONGEST_RECORD

    def _more(self) -> bool:
        if self._ended:
            return False
        # Doubled, so that a long value is not tried too often.
        piece = self._file.read(max(PIECE, len(self._text) - self._at))
        self._ended = not piece
        try:
            decoded = self._decode.decode(piece, final=self._ended)
        except UnicodeDecodeError:
            raise Unreadable(Fault(f"behind line {self.line}", "is not UTF-8")) from None
        self._text = self._text[self._at :] + decoded
        self._at = 0
        return not self._ended


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _checked(record: Any, number: int) -> Found:
    if not isinstance(record, dict):
        return Fault(f"line {number}", "must be an object: `{...}`")
    names = tuple(record)
    try:
        data = orjson.dumps(record)
    except TypeError as error:
        return Fault(f"line {number}", f"cannot be kept: {error}")
    fault = _fault_of_names(names) or _fault_of_data(data, record)
    return Fault(f"line {number}", fault) if fault else Line(number, data, names)


@lru_cache(maxsize=1000)
def _fault_of_names(names: tuple[str, ...]) -> str:
    if not names:
        return "has no fields"
    if any(not name or len(name) > LONGEST_NAME for name in names):
        return f"has a field whose name is empty or longer than {LONGEST_NAME} characters"
    return ""


def _fault_of_data(data: bytes, record: Any) -> str:
    if len(data) > LONGEST_RECORD:
        return f"is larger than {LONGEST_RECORD:,} bytes"
    if data.count(b"{") + data.count(b"[") > DEEPEST and _depth(record) > DEEPEST:
        return f"is nested more than {DEEPEST} levels deep"
    return ""


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return depth
