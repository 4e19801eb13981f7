"""How fast datasets are made and written."""

import json
import multiprocessing
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa
import pyarrow.parquet as pq

from chalicelib.generation import columns, parts, store
from chalicelib.generation.exports.running import export
from chalicelib.generation.jobs.model import Record
from chalicelib.generation.jobs.planning import RECORDS_PER_SHARD
from chalicelib.generation.parts import Batch
from chalicelib.generation.store import Part
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.actions import Task
from chalicelib.jobs.model import Target
from chalicelib.settings import read_settings
from chalicelib.wiring import Ports, connect
from tests import make
from tests.generating import ONE_STEP, Factory

Row = tuple[str, str]

RECORDS = 5000
SLOW = 200
EXPORTED = 1_000_000
PER_PART = 5000
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def making(folder: Path) -> Iterator[Row]:
    bare = _bare(folder)
    yield "bare Jinja2 and one JSON line", f"{bare:,.0f} records/s"
    factory = _factory(folder)
    job_id = factory.submit(steps=ONE_STEP, num_records=RECORDS, output_format=["jsonl"])
    factory.orchestrator.look(job_id)
    begun = time.perf_counter()
    while factory.run_next() and factory.see(job_id).progress.done < RECORDS:
        factory.orchestrator.look(job_id)
    speed = RECORDS / (time.perf_counter() - begun)
    yield "a model without latency, one shard at a time", f"{speed:,.0f} records/s ({speed / bare:.1%} of bare)"


def busy(folder: Path) -> Iterator[Row]:
    for at_once in (8, 32):
        factory = _factory(folder / str(at_once), MILLRACE_MODEL_CONCURRENCY=str(at_once))
        # Whole rounds: in a last one that is not full, calls idle that nobody could make.
        count = min(25, RECORDS_PER_SHARD // at_once) * at_once
        steps = [{**ONE_STEP[0], "model": f"offline/small+slow={SLOW}"}]
        job_id = factory.submit(steps=steps, num_records=count)
        factory.orchestrator.look(job_id)
        begun = time.perf_counter()
        factory.run_next()
        took, ideal = time.perf_counter() - begun, count / at_once * SLOW / 1000
        yield f"{at_once} calls of {SLOW} ms at a time", f"{took:.2f} s, ideal {ideal:.2f} s: {ideal / took:.1%} busy"


def exporting(folder: Path) -> Iterator[Row]:
    alone = _pyarrow_alone(folder / "alone.parquet", EXPORTED)
    yield f"pyarrow alone, {EXPORTED:,} records", f"{alone:.1f} s"
    for kind in ("parquet", "jsonl", "csv"):
        for count in (1000, EXPORTED):
            took, memory = _in_a_process(folder / f"{kind}-{count}", kind, count)
            share = f", {alone / took:.0%} of pyarrow alone" if (kind, count) == ("parquet", EXPORTED) else ""
            yield f"{kind}, {count:,} records", f"{took:.1f} s{share}, at most {memory:.0f} MB"


def _factory(folder: Path, **settings: str) -> Factory:
    ports = connect(read_settings({"MILLRACE_DATA": str(folder / "data"), **settings}))
    return Factory(replace(ports, executors={Target.PROCESS: make.HandTarget()}))


def _bare(folder: Path) -> float:
    template = jinja2.Environment(autoescape=False).from_string(ONE_STEP[0]["prompt"])
    begun = time.perf_counter()
    with (folder / "bare.jsonl").open("w") as file:
        for number in range(50_000):
            record = {"topic": f"topic {number}", "author": {"name": "Ada"}}
            file.write(json.dumps({**record, "prompt": template.render(record)}) + "\n")
    return 50_000 / (time.perf_counter() - begun)


def _in_a_process(folder: Path, format: str, count: int) -> tuple[float, float]:
    """Seconds, and the most memory in MB, of one export in a process of its own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_export, args=(theirs, folder, format, count))
    process.start()
    found: tuple[float, float] = ours.recv()
    process.join()
    return found


def _export(answer: Any, folder: Path, format: str, count: int) -> None:
    factory = _factory(folder)
    job_id = factory.submit(steps=ONE_STEP, num_records=1, output_format=[format])
    _make_up_parts(factory.ports, factory.me.tenant_id, job_id, count)
    order = jobs.get_order(factory.ports, factory.me, job_id, 2)
    task = Task(factory.ports, jobs.get_job(factory.ports, factory.me, job_id), order, str, bool)
    begun = time.perf_counter()
    export(task)
    took = time.perf_counter() - begun
    answer.send((took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    factory.ports.renderer.close()


def _make_up_parts(ports: Ports, tenant_id: str, job_id: str, count: int) -> None:
    for first in range(0, count, PER_PART):
        records = [_record(number) for number in range(first, min(first + PER_PART, count))]
        kinds = columns.kinds_of(columns.flatten(parts.row_of(each)) for each in records[:10])
        batch = Batch(first=first, end=first + len(records), at=NOW, entries=[], columns=kinds, records=records)
        key = parts.folder(tenant_id, job_id) + parts.name_of(batch, round_=0, attempt=1)
        ports.objects.put(key, parts.encode(batch))
        part = Part(first=first, end=batch.end, failed=0, object=key, at=NOW, columns=kinds)
        ports.documents.transact([store.put_part(job_id, part)])


def _record(number: int) -> Record:
    return Record(
        number=number,
        seed=number % 1000,
        columns={"topic": f"topic {number % 1000}", "author.name": "Ada"},
        prompts={"draft": f"Write about topic {number % 1000} for Ada."},
        outputs={"draft": f"Record {number} says something about the mill at the river. " * 5},
        model="offline/small",
        tokens=90,
        cost=40,
    )


def _pyarrow_alone(path: Path, count: int) -> float:
    """The same rows from memory, a part at a time."""
    rows = [columns.flatten(parts.row_of(_record(number))) for number in range(PER_PART)]
    schema = pa.Table.from_pylist(rows).schema
    begun = time.perf_counter()
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(0, count, PER_PART):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return time.perf_counter() - begun
