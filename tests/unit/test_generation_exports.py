"""Files that exports leave: read again, they are what was made."""

import csv
import io
import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from chalicelib.errors import NotFound
from chalicelib.generation.exports import operations as exports
from chalicelib.generation.jobs import operations
from chalicelib.generation.jobs.model import Division, Format, Partition
from chalicelib.jobs import operations as jobs
from tests import make
from tests.generating import ONE_STEP, SCHEMA, Factory

ALL = ["jsonl", "csv", "parquet", "chat-jsonl"]
OWN = ["_id", "_seed", "_model", "_tokens", "_cost"]


@pytest.fixture(scope="module")
def factory():
    return Factory()


@pytest.fixture(scope="module")
def made(factory):
    return factory.make_it(num_records=60, output_format=ALL)


def rows_of(factory, job_id):
    return [json.loads(line) for line in factory.dataset(job_id).splitlines()]


def test_jsonl_has_a_flat_record_per_line(factory, made):
    rows = rows_of(factory, made)
    assert list(rows[0]) == ["topic", "author.name", "draft", "short", *OWN]
    assert [row["_id"] for row in rows] == list(range(60))


def test_csv_says_the_same(factory, made):
    read = list(csv.DictReader(io.StringIO(factory.dataset(made, "data.csv").decode())))
    assert read == [{name: str(value) for name, value in row.items()} for row in rows_of(factory, made)]


def test_parquet_says_the_same_with_types(factory, made):
    table = pq.read_table(io.BytesIO(factory.dataset(made, "data.parquet")))
    assert table.to_pylist() == rows_of(factory, made)


def test_chats_are_a_question_and_an_answer_per_step(factory, made):
    chat = json.loads(factory.dataset(made, "chat.jsonl").splitlines()[0])
    record = factory.records(made)[0]
    assert [each["role"] for each in chat["messages"]] == ["user", "assistant"] * 2
    assert chat["messages"][1]["content"] == record.outputs["draft"]


def test_fields_of_a_schema_are_columns(factory):
    steps = [{"id": "review", "prompt": "Review {{ topic }}.", "output_schema": SCHEMA}]
    row = rows_of(factory, factory.make_it(steps=steps, num_records=1))[0]
    assert {"stars", "text"} <= row.keys()


def test_a_field_that_only_some_records_have_is_a_column_of_all(factory):
    lines = ["topic,author.name,note", "a,Ada,", "b,Bob,new"]
    job_id = factory.make_it(seed_data_id=factory.seeds(lines=lines), num_records=2, output_format=["csv"])
    assert "note" in factory.dataset(job_id, "data.csv").decode().splitlines()[0]


@pytest.mark.parametrize("text", ['with "quotes", commas', "=cmd()", "naïve ✓ 漢字"])
def test_odd_texts_survive_every_format(factory, text):
    quoted = '"' + text.replace('"', '""') + '"'
    lines = ["topic,author.name", f"{quoted},Ada"]
    job_id = factory.make_it(seed_data_id=factory.seeds(lines=lines), num_records=1, output_format=ALL[:3])
    read = next(csv.DictReader(io.StringIO(factory.dataset(job_id, "data.csv").decode())))
    table = pq.read_table(io.BytesIO(factory.dataset(job_id, "data.parquet")))
    assert {read["topic"], table.to_pylist()[0]["topic"], rows_of(factory, job_id)[0]["topic"]} == {text}


def export(factory, job_id, format, partition=None):
    made = exports.export(factory.ports, factory.me, job_id, format, partition)
    factory.run(made.job_id)
    return made.job_id


def paths(factory, job_id, export_id):
    return [each.path for each in exports.list_files(factory.ports, factory.me, job_id) if each.job_id == export_id]


def test_records_are_divided_into_train_and_test(factory, made):
    export_id = export(factory, made, Format.JSONL, Partition(Division.SPLIT, test_percent=30))
    assert paths(factory, made, export_id) == ["test/data.jsonl", "train/data.jsonl"]
    sides = [factory.dataset(made, f"{side}/data.jsonl").splitlines() for side in ("train", "test")]
    assert sorted(json.loads(line)["_id"] for side in sides for line in side) == list(range(60))
    assert 5 < len(sides[1]) < 31


def test_records_are_divided_by_a_column(factory, made):
    export_id = export(factory, made, Format.CSV, Partition(Division.COLUMN, "author.name"))
    assert paths(factory, made, export_id) == [f"author%2Ename=Author {number}/data.csv" for number in range(7)]


def test_records_are_divided_by_date(factory, made):
    export_id = export(factory, made, Format.JSONL, Partition(Division.DATE))
    assert paths(factory, made, export_id) == ["date=2026-11-20/data.jsonl"]


def test_the_partition_of_a_job_is_that_of_its_own_exports(factory):
    job_id = factory.make_it(num_records=5, partition={"by": "split"})
    assert paths(factory, job_id, job_id) == ["test/data.jsonl", "train/data.jsonl"]


def test_too_many_files_are_refused_with_the_reason(factory):
    job_id = factory.make_it(num_records=250, seeds=250, steps=ONE_STEP)
    export_id = export(factory, job_id, Format.JSONL, Partition(Division.COLUMN, "topic"))
    assert "more than 200 files" in jobs.get_order(factory.ports, factory.me, export_id, 1).reason


def test_what_a_stopped_job_made_can_be_exported(factory):
    job_id = factory.submit(num_records=10)
    jobs.cancel(factory.ports, factory.me, job_id)
    factory.run(job_id)
    export_id = export(factory, job_id, Format.CSV)
    assert jobs.get_job(factory.ports, factory.me, export_id).status == "succeeded"
    assert factory.dataset(job_id, "data.csv").decode().strip() == ",".join(OWN)


def test_failed_records_are_not_exported(factory):
    steps = [{**ONE_STEP[0], "model": "offline/small+refuse=9"}]
    job_id = factory.make_it(num_records=60, steps=steps)
    assert len(rows_of(factory, job_id)) == factory.see(job_id).progress.done < 60


def test_a_job_that_is_deleted_takes_its_records_and_files_along():
    factory = Factory()
    job_id = factory.make_it(num_records=5)
    jobs.delete(factory.ports, factory.me, job_id)
    assert factory.ports.objects.list("artifacts/") == []
    assert factory.ports.documents.query(f"job#{job_id}").items == []


def test_a_stranger_finds_nothing(factory, made):
    mallory = make.caller("elsewhere")
    for act in (
        lambda: operations.see(factory.ports, mallory, made),
        lambda: operations.list_records(factory.ports, mallory, made),
        lambda: exports.export(factory.ports, mallory, made, Format.CSV),
        lambda: exports.list_files(factory.ports, mallory, made),
        lambda: operations.get_quality(factory.ports, mallory, made),
        lambda: operations.set_budget(factory.ports, mallory, made, 9),
        lambda: operations.pause(factory.ports, mallory, made),
        lambda: operations.retry_failed_records(factory.ports, mallory, made),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_stranger_can_run_neither_a_template_nor_seeds_of_others(factory):
    request = factory.request()
    mallory = Factory(factory.ports, make.caller("elsewhere"))
    for given in ({"template_id": request.template_id}, {"seed_data_id": request.seed_data_id}):
        with pytest.raises(NotFound):
            mallory.submit(**given)


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
from chalicelib.errors import Invalid
from chalicelib.generation.exports.model import check_formats
from chalicelib.generation.jobs.model import Format
check_formats([Format.JSONL, Format.CSV, Format.CHAT], "output_format")
try:
    check_formats([Format.JSONL, Format.PARQUET], "output_format")
except Invalid as refused:
    print(refused.faults[0].place, refused.faults[0].message)
"""


def test_parquet_is_refused_where_its_library_is_not():
    said = subprocess.run([sys.executable, "-c", WITHOUT_PYARROW], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "output_format parquet is not offered by this server; choose jsonl, csv, chat-jsonl"
