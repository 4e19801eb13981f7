"""One file of an export, row by row, in constant memory."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson

from chalicelib.generation.columns import as_text, flatten
from chalicelib.generation.jobs.model import Format

ROWS_AT_ONCE = 2000
"""Rows that a Parquet file takes at a time."""

Row = Mapping[str, Any]


class Writer(Protocol):
    def write(self, row: Row) -> None:
        """A record as it is stored."""
        ...

    def close(self) -> None: ...


def open_writer(format: Format, path: Path, columns: Mapping[str, str]) -> Writer:
    """`columns` are all names that rows may have, and their kinds."""
    match format:
        case Format.CSV:
            return _Csv(path, columns)
        case Format.PARQUET:
            return _Parquet(path, columns)
        case Format.CHAT:
            return _Chat(path)
    return _Jsonl(path)


class _Jsonl:
    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, row: Row) -> None:
        self._file.write(orjson.dumps(flatten(row)) + b"\n")

    def close(self) -> None:
        self._file.close()


class _Chat(_Jsonl):
    """Each step is a question and its answer."""

    def write(self, row: Row) -> None:
        messages = []
        for step_id, prompt in row["prompts"].items():
            messages.append({"role": "user", "content": prompt})
            messages.append({"role": "assistant", "content": as_text(row["outputs"].get(step_id))})
        self._file.write(orjson.dumps({"messages": messages}) + b"\n")


class _Csv:
    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._columns = list(columns)
        self._writer.writerow(self._columns)

    def write(self, row: Row) -> None:
        flat = flatten(row)
        self._writer.writerow([as_text(flat.get(name)) for name in self._columns])

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        # It takes 0.3 s and 60 MB to import, which only those pay who export.
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._pa = pa
        kinds = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
        self._schema = pa.schema([(name, kinds.get(kind, pa.string())) for name, kind in columns.items()])
        self._texts = [name for name, kind in columns.items() if kind not in kinds]
        self._rows: list[dict[str, Any]] = []
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, row: Row) -> None:
        flat = flatten(row)
        for name in self._texts:
            value = flat.get(name)
            if value is not None and not isinstance(value, str):
                flat[name] = as_text(value)
        self._rows.append(flat)
        if len(self._rows) == ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []
