"""Templates under many hands at a time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import PreconditionFailed
from chalicelib.generation.templates import operations
from chalicelib.generation.templates.definition import parse_definition
from chalicelib.generation.templates.model import Program, RenderItem
from tests import make

CALLER = make.caller()


def definition(prompt):
    return parse_definition({"name": "t", "steps": [{"id": "a", "prompt": prompt}]})


def edit(ports, template_id, prompt, **more):
    try:
        return operations.edit(ports, CALLER, template_id, definition(prompt), **more).version
    except PreconditionFailed:
        return None


def test_of_many_edits_at_once_each_version_is_one_person_s(ports):
    template_id = operations.create(ports, CALLER, definition("x")).template_id
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: edit(ports, template_id, f"x{number}"), range(16)))
    versions = sorted(each for each in made if each)
    assert versions == list(range(2, len(versions) + 2))
    assert operations.get_template(ports, CALLER, template_id).version == versions[-1]


def test_an_edit_of_an_earlier_version_is_refused(ports):
    template_id = operations.create(ports, CALLER, definition("x")).template_id
    edit(ports, template_id, "y")
    with pytest.raises(PreconditionFailed):
        operations.edit(ports, CALLER, template_id, definition("z"), expected_version=1)


def test_a_run_keeps_its_version_when_the_template_goes_on(ports):
    template_id = operations.create(ports, CALLER, definition("old {{ x }}")).template_id
    edit(ports, template_id, "new {{ x }}")
    version, program = operations.load_program(ports, CALLER.tenant_id, template_id, 1)
    assert (version.number, program.prompts) == (1, {"a": "old {{ x }}"})


def test_many_threads_render_at_a_time():
    program = Program({"a": "{{ n }}"})

    def render(number):
        return make.RENDERER.render(program, "a", [RenderItem({"n": number}, 0)])[0].prompt

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, range(200))) == [str(number) for number in range(200)]


def test_what_a_model_is_told_of_a_schema_is_in_the_prompt(ports):
    step = {"id": "a", "prompt": "Go.", "output_schema": {"description": "{% endraw %}{{ x }}", "type": "object"}}
    made = operations.create(ports, CALLER, parse_definition({"name": "t", "steps": [step]}))
    [test] = operations.try_out(ports, CALLER, made.template_id, {})
    assert test.prompt.startswith("Go.\n\nAnswer with JSON alone")
    assert test.prompt.endswith('{"description":"{\\u0025 endraw \\u0025}{{ x }}","type":"object"}')


def test_a_later_step_s_preview_reads_a_made_up_object(ports):
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    steps = [
        {"id": "a", "prompt": "x", "output_schema": schema},
        {"id": "b", "prompt": "Title: {{ steps.a.output.title }}"},
    ]
    [[_, second]] = operations.preview(ports, CALLER, parse_definition({"name": "t", "steps": steps}), [{}])
    assert (second.fault, len(second.prompt) > len("Title: ")) == ("", True)
