"""What is accepted as a template, as seed data and as a job, and which way a job may go."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Fault, Invalid
from chalicelib.generation.jobs.request import parse_generation
from chalicelib.generation.seeds import inventing, operations
from chalicelib.generation.seeds.model import MOST_FAULTS, SeedFormat, SeedStatus
from chalicelib.generation.seeds.parsing import Line, Unreadable, parse, sniff
from chalicelib.generation.templates.definition import parse_definition, parse_yaml
from chalicelib.generation.templates.model import Variables
from chalicelib.generation.templates.operations import try_out
from chalicelib.generation.templates.programs import prepare
from chalicelib.generation.templates.shipped import FOLDER, shipped
from chalicelib.jobs.model import JOB_TRANSITIONS, IllegalTransition, JobStatus, check_job_transition
from tests import make

STEP = {"id": "a", "prompt": "Hello"}


def places(read, data):
    with pytest.raises(Invalid) as caught:
        read(data)
    return [each.place for each in caught.value.faults]


def template(**changes):
    return {"name": "t", "steps": [STEP], **changes}


def step(**changes):
    return template(steps=[{**STEP, **changes}])


def job(**changes):
    return {"template_id": "t", "seed_data_id": "s", "budget_limit": 1, "num_records": 1, **changes}


def test_a_template_is_read():
    found = parse_definition(template(description="d", category="c"))
    assert (found.name, found.to_steps()[0].max_tokens, found.is_public) == ("t", 1000, None)


def test_a_template_definition_requires_a_prompt():
    assert places(parse_definition, template(steps=[{"id": "a"}])) == ["steps[0].prompt"]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"steps": [STEP]}, "name"),
        (template(name="x" * 201), "name"),
        (template(name=" "), "name"),
        (template(name="a\nb"), "name"),
        (template(steps=[]), "steps"),
        (template(steps=[STEP] * 2), "steps"),
        (template(steps=[{**STEP, "id": f"s{n}"} for n in range(11)]), "steps"),
        (step(id="1st"), "steps[0].id"),
        (step(id="a-b"), "steps[0].id"),
        (step(prompt=" \n"), "steps[0].prompt"),
        (step(prompt="x" * 50_001), "steps[0].prompt"),
        (step(temperature=2.1), "steps[0].temperature"),
        (step(max_tokens=0), "steps[0].max_tokens"),
        (step(model_tier=4), "steps[0].model_tier"),
        (step(model="m", model_tier=1), "steps[0]"),
        (step(output_schema={"type": "nothing"}), "steps[0].output_schema"),
        (step(output_schema={"$ref": "https://elsewhere.example/schema"}), "steps[0].output_schema"),
        (step(output_schema={"$ref": "#/x", "x": {"$ref": "#/x"}}), "steps[0].output_schema"),
        (step(output_schema={"description": "x" * 30_000}), "steps[0].output_schema"),
        (step(output_schema={"type": "string", "pattern": "(a+)+$"}), "steps[0].output_schema"),
        (template(unknown=1), "unknown"),
        ([], ""),
    ],
)
def test_what_a_template_may_not_be(data, place):
    assert places(parse_definition, data) == [place]


def test_the_largest_template_is_accepted():
    steps = [{"id": f"s{n}", "prompt": "x" * 50_000} for n in range(10)]
    assert len(parse_definition(template(name="x" * 200, steps=steps)).steps) == 10


def test_a_property_may_be_called_pattern():
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}}}
    assert parse_definition(step(output_schema=schema)).steps[0].output_schema == schema


def test_a_schema_without_a_bottom_is_refused():
    schema = {}
    for _ in range(50):
        schema = {"properties": {"a": schema}}
    assert places(parse_definition, step(output_schema=schema)) == ["steps[0].output_schema"]


@pytest.mark.parametrize("text", ["a: [", "name: x\nname: y", "a: &x [1]\nb: *x", "[" * 5000])
def test_yaml_that_is_none_is_refused(text):
    with pytest.raises(Invalid):
        parse_yaml(text)


def test_four_templates_ship():
    assert len(shipped()) == len(list(FOLDER.glob("*.yaml"))) == 4


@pytest.mark.parametrize("template_id", sorted(shipped()))
def test_templates_that_ship_say_their_variables(template_id):
    ports, caller = make.ports(), make.caller()
    version = shipped()[template_id][1]
    assert prepare(ports, caller.tenant_id, version.steps)[1] == version.variables


@pytest.mark.parametrize("template_id", sorted(shipped()))
def test_templates_that_ship_render_with_what_is_made_up_for_them(template_id):
    variables = shipped()[template_id][0].variables
    [record] = inventing.records([*variables.required, *variables.optional], 1, seed=1)
    tests = try_out(make.ports(), make.caller(), template_id, record, real=True, budget=1_000_000)
    assert [each.fault for each in tests] == [""] * len(shipped()[template_id][1].steps)


@pytest.mark.parametrize("budget", [0, -10, -0.01])
def test_a_job_s_budget_must_be_positive(budget):
    with pytest.raises(Invalid) as caught:
        parse_generation(job(budget_limit=budget))
    assert [each.message for each in caught.value.faults] == ["Budget must be positive"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"budget_limit": 1000.01}, "budget_limit"),
        ({"num_records": 0}, "num_records"),
        ({"num_records": 1_000_001}, "num_records"),
        ({"output_format": "xml"}, "output_format"),
        ({"model_tier": 4}, "model_tier"),
    ],
)
def test_what_a_job_may_not_be(change, place):
    assert places(parse_generation, job(**change))[0].startswith(place)


@pytest.mark.parametrize("ended", sorted(JOB_TRANSITIONS[JobStatus.RUNNING]))
def test_a_running_job_may_end(ended):
    check_job_transition(JobStatus.RUNNING, ended)


def test_an_ended_job_ends_no_other_way():
    with pytest.raises(IllegalTransition):
        check_job_transition(JobStatus.SUCCEEDED, JobStatus.FAILED)


def test_statuses_are_told_in_the_words_of_the_product():
    assert {"queued", "running", "succeeded", "failed", "cancelled", "budget_exceeded"} <= set(JobStatus)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b'  [{"a": 1}]', SeedFormat.JSON),
        (b'{"a": 1}\n', SeedFormat.JSONL),
        (b"\xef\xbb\xbf\n{}", SeedFormat.JSONL),
        (b"a,b\n1,2", SeedFormat.CSV),
        (b"", SeedFormat.CSV),
    ],
)
def test_a_format_is_found_by_looking(start, expected):
    assert sniff(start) == expected


def lines(content, format, size=7):
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return [(each.number, json.loads(each.data)) for each in parse(pieces, format) if isinstance(each, Line)]


def test_quoted_cells_hold_lines_and_commas():
    assert lines(b'a,b\n"x\ny","1,2"\n', SeedFormat.CSV) == [(3, {"a": "x\ny", "b": "1,2"})]


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t", b"|"])
def test_columns_are_divided_by_what_divides_the_header(delimiter):
    content = b"a,b\r\n1,2\r\n".replace(b",", delimiter)
    assert lines(content, SeedFormat.CSV) == [(2, {"a": "1", "b": "2"})]


def test_blank_lines_are_no_records():
    assert [number for number, _ in lines(b'\n{"a":1}\n\n{"a":2}', SeedFormat.JSONL)] == [2, 4]


RECORD = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(-9, 9) | st.text(max_size=9), min_size=1)


@given(st.lists(RECORD, max_size=5), st.integers(1, 20), st.sampled_from([None, 2]))
def test_json_is_read_whatever_the_pieces(records, size, indent):
    content = json.dumps(records, indent=indent, ensure_ascii=False).encode()
    assert [record for _, record in lines(content, SeedFormat.JSON, size)] == records


@given(st.lists(RECORD, max_size=5), st.integers(1, 20))
def test_lines_of_json_are_read_whatever_the_pieces(records, size):
    content = "\n".join(json.dumps(each) for each in records).encode()
    assert [record for _, record in lines(content, SeedFormat.JSONL, size)] == records


def findings(content, format):
    try:
        return list(parse([content], format))
    except Unreadable as refused:
        return [refused.fault]


@given(st.binary(max_size=60), st.sampled_from(SeedFormat))
def test_any_bytes_are_read_or_refused(content, format):
    assert all(isinstance(each, Line | Fault) for each in findings(content, format))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"[1, 2", "line 1"),
        (b'[{"a": 1}] x', "line 1"),
        (b'[{"a": 1},\n{"a" 2}]', "line 2"),
        (b'[{"a": "\xff"}]', "behind line 1"),
        (b"[" + b'{"a":' * 5000, "line 1"),
    ],
)
def test_json_that_ends_early_says_where(content, place):
    with pytest.raises(Unreadable) as caught:
        list(parse([content], SeedFormat.JSON))
    assert caught.value.fault.place == place


def uploaded(content):
    return operations.upload(make.ports(), make.caller(), content, name="x")


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a": "' + b"x" * 1_000_001 + b'"}',
        b'{"' + b"n" * 201 + b'": 1}',
        b'[{"a": 123456789012345678901234567890}]',
        ("{" + ", ".join(f'"f{n}": 1' for n in range(501)) + "}").encode(),
    ],
)
def test_records_have_their_limits(content):
    with pytest.raises(Invalid):
        uploaded(content)


def test_only_the_first_faults_are_told():
    with pytest.raises(Invalid) as caught:
        uploaded(b"a,b\n" + b"1\n" * 1000)
    assert len(caught.value.faults) == MOST_FAULTS


def test_an_uploaded_file_is_ready():
    made = uploaded(b"a,b\n1,2\n")
    assert (made.status, made.fields, made.record_count) == (SeedStatus.READY, ("a", "b"), 1)


@pytest.mark.parametrize(
    ("required", "fields", "missing"),
    [
        (("name",), b"name", []),
        (("author.name",), b"author.name", []),
        (("author.name",), b"author", []),
        (("author",), b"author.name", []),
        (("author.name", "x"), b"author_name", ["author.name", "x"]),
    ],
)
def test_seed_data_is_checked_against_the_variables(required, fields, missing):
    assert operations.missing(Variables(required), uploaded(fields + b"\n1\n")) == missing


def test_made_up_records_have_all_variables():
    [record] = inventing.records(["author.name", "author.email", "price", "whatever"], 1, seed=1)
    assert (sorted(record), sorted(record["author"])) == (["author", "price", "whatever"], ["email", "name"])


def test_a_variable_and_its_part_are_made_up_together():
    [record] = inventing.records(["author", "author.name"], 1, seed=1)
    assert record["author"]["name"]
