"""What a submitter of a generation job can get wrong."""

import pytest

from chalicelib.errors import Invalid
from chalicelib.generation.batches.request import parse_batch
from chalicelib.generation.jobs.model import Format
from chalicelib.generation.jobs.request import parse_generation


def request(**changes):
    return {"template_id": "t1", "seed_data_id": "s1", "budget_limit": 5, "num_records": 10, **changes}


def faults(parse, data):
    with pytest.raises(Invalid) as raised:
        parse(data)
    return {each.place: each.message for each in raised.value.faults}


def test_it_works():
    parsed = parse_generation(request(output_format=["jsonl", "csv"]))
    assert parsed.cap == 5_000_000
    assert parsed.formats == (Format.JSONL, Format.CSV)


def test_one_format_needs_no_list():
    assert parse_generation(request(output_format="parquet")).formats == (Format.PARQUET,)


@pytest.mark.parametrize("budget", [0, -10, -0.01])
def test_a_budget_must_be_positive(budget):
    assert faults(parse_generation, request(budget_limit=budget)) == {"budget_limit": "Budget must be positive"}


def test_a_budget_is_at_most_1000_dollars():
    assert parse_generation(request(budget_limit=1000)).cap == 1_000_000_000
    assert "at most 1000 USD" in faults(parse_generation, request(budget_limit=1000.01))["budget_limit"]


@pytest.mark.parametrize("count", [0, -1, 1_000_001])
def test_records_are_1_to_1000000(count):
    assert list(faults(parse_generation, request(num_records=count))) == ["num_records"]


def test_all_faults_are_told_at_once():
    wrong = request(budget_limit=-1, num_records=0, output_format=["xml"], color="blue")
    assert {"budget_limit", "num_records", "color"} <= faults(parse_generation, wrong).keys()


def test_a_format_is_named_once():
    assert "once" in faults(parse_generation, request(output_format=["csv", "csv"]))["output_format"]


def test_only_a_draft_can_do_without_seed_data():
    assert parse_generation(request(seed_data_id=None, start=False)).seed_data_id is None
    assert "seed_data_id" in str(faults(parse_generation, request(seed_data_id=None)))


def test_a_partition_by_column_names_it():
    assert "column" in str(faults(parse_generation, request(partition={"by": "column"})))


def batch(**changes):
    base = {"template_id": "t1", "seed_data_id": "s1", "num_records": 10}
    return {"name": "b", "base": base, "sweep_key": "model_tier", "values": [1, 2], "budget_limit": 5, **changes}


def test_a_batch_is_one_job_per_value():
    assert [each["model_tier"] for each in parse_batch(batch()).jobs()] == [1, 2]


@pytest.mark.parametrize("values", [[], list(range(21)), [1, 1]])
def test_a_sweep_has_1_to_20_values_all_different(values):
    assert list(faults(parse_batch, batch(values=values))) == ["values"]


def test_what_is_swept_does_not_stand_in_the_base():
    assert "model_tier" in str(faults(parse_batch, batch(base={"template_id": "t1", "model_tier": 1})))
