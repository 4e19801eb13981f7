"""Faults at the lines they are on."""

import pytest

from chalicelib.errors import Fault
from frontend.views.faults import locate, marked

TEXT = """\
name: broken
orders:
  - order_name: build
    cmds: []
    timeout: soon
  - order_name: test
    cmds:
      - make test
    timeout: 60
    dependencies:
      - build
      - biuld
    env_vars: {"a-b": "1"}
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("name", 1),
        ("orders[0].cmds", 4),
        ("orders[0].timeout", 5),
        ("orders[1]", 6),
        ("orders[1].dependencies[1]", 12),
        ("orders[1].env_vars['a-b']", 13),
        ("orders[1].retries", 6),
        ("orders[7].cmds", 2),
        ("line 9, column 3", 9),
        ("elsewhere", None),
        ("", None),
    ],
)
def test_a_place_is_found_or_the_nearest_thing_around_it(place, line):
    assert locate(TEXT, [Fault(place, "is wrong")])[0].line == line


def test_json_has_lines_too():
    assert locate('{\n "orders": [\n  {"cmds": [1]}\n ]\n}', [Fault("orders[0].cmds[0]", "text")])[0].line == 3


def test_text_that_cannot_be_read_has_the_line_that_the_reader_named():
    assert locate("a: [", [Fault("line 1, column 5", "ends too early")])[0].line == 1


def test_lines_are_marked_with_what_is_wrong_on_them():
    lines = marked(TEXT, locate(TEXT, [Fault("orders[0].cmds", "is empty"), Fault("orders[0].timeout", "is text")]))
    assert {line.number: list(line.messages) for line in lines if line.messages} == {
        4: ["orders[0].cmds: is empty"],
        5: ["orders[0].timeout: is text"],
    }


def test_lines_far_from_any_fault_are_left_out_with_a_gap():
    lines = marked(TEXT, locate(TEXT, [Fault("name", "x"), Fault("orders[1].env_vars", "y")]))
    assert [line.number for line in lines] == [1, 2, 3, 11, 12, 13]
    assert [line.number for line in lines if line.gap] == [11]
