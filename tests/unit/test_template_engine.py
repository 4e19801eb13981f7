"""Rendering: variables, conditions, loops, includes, and what may not harm the server."""

from contextlib import suppress

import pytest

from chalicelib.errors import Invalid
from chalicelib.generation.templates.model import Program, RenderItem
from chalicelib.generation.templates.rendering import KILLED, Renderer
from chalicelib.generation.templates.sandbox import nested
from tests import make


@pytest.fixture
def renderer():
    return make.RENDERER


def rendered(prompt, record=None, seed=0, outputs=None, **more):
    [made] = make.RENDERER.render(Program({"a": prompt}, **more), "a", [RenderItem(record or {}, seed, outputs or {})])
    return made


def prompt_of(*arguments, **named):
    made = rendered(*arguments, **named)
    assert made.fault == ""
    return made.prompt


def variables(**prompts):
    found = make.RENDERER.check(Program(prompts))
    return found.required, found.optional


def faults(**prompts):
    with pytest.raises(Invalid) as caught:
        make.RENDERER.check(Program(prompts))
    return [(each.place, each.message) for each in caught.value.faults]


@pytest.mark.parametrize(
    ("prompt", "record", "expected"),
    [
        ("Hello {{ name }}!", {"name": "Ada"}, "Hello Ada!"),
        ("{{ author.name }}", {"author": {"name": "Ada"}}, "Ada"),
        ("{{ author.name }}", {"author.name": "Ada"}, "Ada"),
        ("{{ record['Book Title'] }}", {"Book Title": "Notes"}, "Notes"),
        ("{% if tone %}{{ tone }}{% else %}plain{% endif %}", {"tone": ""}, "plain"),
        ("{% for each in tags %}[{{ each }}]{% endfor %}", {"tags": ["a", "b"]}, "[a][b]"),
        ("{{ tone | default('calm') }}", {}, "calm"),
        ("{{ name | capitalize_first }}", {"name": "ada"}, "Ada"),
        ("<b>{{ name }}</b>", {"name": "<i>"}, "<b><i></b>"),
        ("{% if x %}\n  line\n{% endif %}\nend", {"x": 1}, "  line\nend"),
    ],
)
def test_a_prompt_is_filled_from_a_record(prompt, record, expected):
    assert prompt_of(prompt, record) == expected


def test_a_later_step_reads_what_came_before():
    assert prompt_of("{{ steps.draft.output }}", outputs={"draft": "a text"}) == "a text"


def test_a_field_of_an_output_is_read():
    assert prompt_of("{{ steps.draft.output.title }}", outputs={"draft": {"title": "T"}}) == "T"


def test_many_records_are_rendered_in_their_order(renderer):
    items = [RenderItem({"n": number}, number) for number in range(120)]
    made = renderer.render(Program({"a": "{{ n }}"}), "a", items)
    assert [each.prompt for each in made] == [str(number) for number in range(120)]


def test_the_same_seed_draws_the_same():
    prompt = "{{ t | random_word }} {{ t | random_word }} {{ [1, 2, 3, 4, 5] | random }}"
    record = {"t": "one two three four five six"}
    assert prompt_of(prompt, record, seed=3) == prompt_of(prompt, record, seed=3)
    assert len({prompt_of(prompt, record, seed=seed) for seed in range(20)}) > 10


def test_what_is_drawn_from_constants_differs_from_seed_to_seed():
    assert {prompt_of("{{ [1, 2, 3] | random }}", seed=seed) for seed in range(30)} == {"1", "2", "3"}


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("one\n{{ nobody }}", "line 2: 'nobody' is undefined"),
        ("{{ name.first }}", "line 1: 'str object' has no attribute 'first'"),
        ("{{ 1 / 0 }}", "line 1: division by zero"),
        ("{{ name + 1 }}", 'line 1: can only concatenate str (not "int") to str'),
        ("{% include 'x' %}", "line 1: there is no `x` to include"),
        ("{% if %}", "line 1: Expected an expression, got 'end of statement block'"),
    ],
)
def test_what_goes_wrong_is_told_with_its_line(prompt, fault):
    assert rendered(prompt, {"name": "Ada"}).fault == fault


def test_one_record_s_fault_is_not_the_others(renderer):
    items = [RenderItem({"n": 1}, 0), RenderItem({}, 0), RenderItem({"n": 3}, 0)]
    made = renderer.render(Program({"a": "{{ n }}"}), "a", items)
    assert [each.prompt for each in made] == ["1", "", "3"]
    assert made[1].fault == "line 1: 'n' is undefined"


@pytest.mark.parametrize(
    ("prompt", "required", "optional"),
    [
        ("{{ name }}", ("name",), ()),
        ("{{ author.name }} {{ author['born'] }}", ("author.born", "author.name"), ()),
        ("{{ author }} {{ author.name }}", ("author.name",), ()),
        ("{{ record['Book Title'] }} {{ record.name }}", ("Book Title", "name"), ()),
        ("{{ tone | default('x') }}", (), ("tone",)),
        ("{% if tone is defined %}{{ tone }}{% endif %}", (), ("tone",)),
        ("{% if author is defined %}{{ author.name }}{% endif %}", (), ("author.name",)),
        ("{% for each in tags %}{{ each.x }}{{ loop.index }}{% endfor %}", ("tags",), ()),
        ("{% set x = y %}{{ x }}", ("y",), ()),
        ("{{ name.upper() }} {{ range(3) | list }}", ("name",), ()),
        ("{% for i in range(n) %}{% if i > limit %}{{ i }}{% endif %}{% endfor %}", ("limit", "n"), ()),
        ("{{ names[index] }}", ("index", "names"), ()),
        ("plain", (), ()),
    ],
)
def test_variables_are_found(prompt, required, optional):
    assert variables(a=prompt) == (required, optional)


def test_variables_of_all_steps_are_found():
    assert variables(a="{{ x }}", b="{{ y }}{{ steps.a.output }}") == (("x", "y"), ())


def test_variables_of_what_is_included_are_found(renderer):
    program = Program({"a": "{% include 's' %}"}, {"t@1/a": "{{ reader }}"}, {"": {"s": "t@1/a"}})
    assert renderer.check(program).required == ("reader",)


def test_a_loop_s_variable_in_what_is_included_is_not_asked_for(renderer):
    prompt = "{% for each in tags %}{% include 's' %}{% endfor %}"
    program = Program({"a": prompt}, {"t@1/a": "{{ each }}"}, {"": {"s": "t@1/a"}})
    assert renderer.check(program).required == ("tags",)


def test_an_include_means_something_else_in_another_text():
    sources = {"t@1/a": "outer {% include 's' %}", "u@1/a": "inner {{ x }}"}
    links = {"": {"s": "t@1/a"}, "t@1/a": {"s": "u@1/a"}}
    assert prompt_of("{% include 's' %}", {"x": 1}, includes=sources, links=links) == "outer inner 1"


def test_faults_of_all_steps_are_told():
    told = faults(a="{{ x | nothing }}", b="{{ 'x }}", c="{{ x is nothing }}")
    assert [place for place, _ in told] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("{% if a %}\n{{ a | nothing }}{% endif %}", "line 2: there is no filter `nothing`"),
        ("{% include name %}", "line 1: name what is included in quotes"),
        ("{{ steps.b.output }}", "reads `steps.b.output`, but no step `b` comes before it"),
        ("{{ steps.a.output }}", "reads `steps.a.output`, but no step `a` comes before it"),
    ],
)
def test_a_template_s_faults_are_found_before_it_is_used(prompt, fault):
    assert faults(a=prompt, b="x") == [("a", fault)]


def test_a_step_has_an_output_only():
    assert faults(a="x", b="{{ steps.a.text }}") == [("b", "reads `steps.a.text`; a step has an `output` only")]


BOMBS = {
    "endless loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "a long text": "{{ 'a' * 10**9 }}",
    "a large number": "{{ 2 ** (10 ** 9) }}",
    "a growing number": "{% set n = namespace(x=9) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
    "a wide format": "{{ '%1000000000d' % 1 }}",
    "a wide margin": "{{ 'a' | center(1000000000) }}",
    "a doubled text": "{% set n = namespace(x='aa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "brackets": "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
    "sums": "{{ 1" + "+1" * 20000 + " }}",
    "blocks": "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "braces": "{{" * 20000,
    "a macro that calls itself": "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(0) }}",
    "a long output": "{% for i in range(99999) %}0123456789{% endfor %}",
    "a range": "{{ range(10 ** 9) | list }}",
    "its own class": "{{ ''.__class__.__mro__ }}",
    "its own frame": "{{ self.__init__.__globals__ }}",
    "a list in a list": "{{ [[1] * 2000] * 2000 }}",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_and_the_next_prompt_rendered(bomb):
    made = rendered(BOMBS[bomb])
    assert (made.prompt, made.fault != "") == ("", True)
    assert prompt_of("{{ 1 + 1 }}") == "2"


@pytest.mark.parametrize("bomb", BOMBS)
def test_looking_for_variables_survives_a_bomb(bomb, renderer):
    with suppress(Invalid):
        renderer.check(Program({"a": BOMBS[bomb]}))
    assert variables(a="{{ x }}") == (("x",), ())


def test_a_call_that_cannot_be_interrupted_ends_with_its_process():
    """Adding up lists copies them all each time, inside one call into C."""
    made = rendered("{{ ([[1]] * 1000000) | sum(start=[]) | length }}")
    assert made.fault == KILLED
    assert prompt_of("{{ 1 + 1 }}") == "2"


def test_a_bomb_costs_its_neighbours_nothing():
    prompt = "{{ 'a' * n | int }}"
    items = [RenderItem({"n": 1}, 0), RenderItem({"n": 10**10}, 0), RenderItem({"n": 2}, 0)]
    made = make.RENDERER.render(Program({"a": prompt}), "a", items)
    assert [each.prompt for each in made] == ["a", "", "aa"]


def test_a_value_without_a_bottom_is_one_record_s_fault(renderer):
    deep = []
    for _ in range(400):
        deep = [deep]
    made = renderer.render(Program({"a": "x"}), "a", [RenderItem({"n": deep}, 0), RenderItem({"n": 1}, 0)])
    assert [each.fault for each in made] == ["reads a value that is nested too deeply", ""]


def test_a_closed_renderer_starts_anew_when_it_is_asked():
    renderer = Renderer(processes=1)
    assert renderer.render(Program({"a": "{{ x }}"}), "a", [RenderItem({"x": 1}, 0)])[0].prompt == "1"
    renderer.close()
    assert renderer.render(Program({"a": "{{ x }}"}), "a", [RenderItem({"x": 2}, 0)])[0].prompt == "2"
    renderer.close()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"a.b": 1, "a.c.d": 2}, {"a": {"b": 1, "c": {"d": 2}}}),
        ({"a": 1, "a.b": 2}, {"a": 1}),
        ({"a": {"b": 1}, "a.b": 2, "a.c": 3}, {"a": {"b": 1, "c": 3}}),
    ],
)
def test_dots_in_names_make_nested_values(record, expected):
    assert {name: value for name, value in nested(record).items() if "." not in name} == expected
