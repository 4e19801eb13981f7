import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Invalid
from chalicelib.jobs.flows import Flow, flow_id, leg_of, new_trace_id, read_flow_id
from tests.clocks import START

TRACES = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)


def test_a_flow_id_names_user_trace_and_label():
    assert flow_id(Flow("ada@acme.example", "0a1b2c3d", "exec")) == "ada@acme.example:0a1b2c3d-exec"


@given(st.text(), TRACES, st.text())
def test_a_flow_id_is_read_back_whatever_it_holds(username, trace_id, label):
    flow = Flow(username, trace_id, label)
    assert read_flow_id(flow_id(flow)) == flow


@given(TRACES, TRACES)
def test_a_label_that_looks_like_a_flow_id_is_only_a_label(trace_id, other):
    flow = Flow("ada", trace_id, f"bob:{other}-exec")
    assert read_flow_id(flow_id(flow)) == flow


@pytest.mark.parametrize("text", ["", "ada", "ada:0a1b2c3d", "ada:xyz-exec", "ada:0A1B2C3D-exec"])
def test_what_is_no_flow_id_is_refused(text):
    with pytest.raises(Invalid):
        read_flow_id(text)


def test_a_trace_id_is_eight_hexadecimal_digits():
    assert re.fullmatch("[0-9a-f]{8}", new_trace_id())


def test_a_leg_is_the_trace_and_the_second():
    assert leg_of("0a1b2c3d", START) == "0a1b2c3d:1795176000"
