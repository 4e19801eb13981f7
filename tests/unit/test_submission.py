"""What a submitter may write, and how faults are told: every one, each at its place."""

import pytest

from chalicelib.errors import Invalid
from chalicelib.jobs import dag
from chalicelib.jobs.submission import parse_request, parse_submission
from tests import make


def faults(job: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refusal:
        parse_request(job)
    return {each.place: each.message for each in refusal.value.faults}


def test_a_small_job_is_enough():
    assert parse_submission("orders: [{cmds: [echo hi], timeout: 5}]").orders[0].cmds == ["echo hi"]


def test_json_is_read_as_well():
    assert parse_submission('{"orders": [{"cmds": ["true"], "timeout": 5}]}').max_parallel == 10


def test_dependencies_are_names_numbers_or_queue_ids():
    orders = make.order("a"), make.order("b", queue_id="q"), make.order("c", after=["a", 2, "q", "0001"])
    assert dag.resolve(make.request(*orders).orders)[2] == (1, 2)


def test_all_faults_are_told_at_once():
    job = make.submission(make.order("a", after=["nobody"], timeout="soon"), make.order("a", cmds=[]), colour="red")
    assert faults(job) == {
        "orders[0].timeout": "must be a whole number",
        "orders[0].dependencies[0]": "`nobody` is neither the name, the number nor the queue_id of another order",
        "orders[1].cmds": "must have at least 1",
        "orders[1].order_name": "`a` is the name of orders[0] already",
        "colour": "is not a field we know",
    }


def test_a_mistyped_field_is_recognised():
    assert "`max_parallel`" in faults(make.submission(max_paralel=3))["max_paralel"]
    assert "`cmds`" in faults(make.submission(make.order(comands=["x"])))["orders[0].comands"]


def test_a_cycle_is_told_with_its_path():
    job = make.submission(make.order("a", after=["c"]), make.order("b", after=["a"]), make.order("c", after=["b"]))
    assert faults(job)["orders[0].dependencies"] == "they wait for each other in a circle: a -> c -> b -> a"


def test_an_order_cannot_wait_for_itself():
    assert "a -> a" in faults(make.submission(make.order("a", after=["a"])))["orders[0].dependencies"]


@pytest.mark.parametrize("data", [None, 7, "text", [], {"orders": None}, {"orders": {}}, {"orders": [None, 3, []]}])
def test_anything_else_than_a_job_is_refused(data):
    assert faults(data)


@pytest.mark.parametrize("name", ["../etc", "a/b", "", " ", "a\nb", "..", "<script>", "x" * 101, 7, "-rf"])
def test_names_that_could_play_tricks_are_refused(name):
    assert "orders[0].order_name" in faults({"orders": [{"order_name": name, "cmds": ["true"], "timeout": 1}]})


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a//b", ".", ""])
def test_outputs_stay_inside_the_orders_folder(path):
    found = faults(make.submission(make.order(outputs=[path])))
    assert any(place.startswith("orders[0].outputs") for place in found)


@pytest.mark.parametrize("timeout", [0, -1, 1.5, True, "5", None, 10**9])
def test_a_timeout_is_a_positive_whole_number(timeout):
    assert "orders[0].timeout" in faults(make.submission(make.order(timeout=timeout)))


def test_a_missing_timeout_is_a_fault():
    assert faults({"orders": [{"cmds": ["true"]}]}) == {"orders[0].timeout": "is required"}


def test_lambda_allows_fifteen_minutes():
    assert "900" in faults(make.submission(make.order(timeout=901, use_lambda=True)))["orders[0]"]


def test_links_must_outlast_the_longest_chain():
    chain = make.order("a", timeout=100), make.order("b", after=["a"], timeout=50), make.order("c", timeout=120)
    assert "150" in faults(make.submission(*chain, presign_expiry=149))["presign_expiry"]
    assert make.request(*chain, presign_expiry=150).presign_expiry == 150


@pytest.mark.parametrize(
    "text",
    [
        "orders: [",
        "\t- a",
        "{" * 1_000_000,
        "- " * 1_000_000,
        "{a: " * 500_000,
        "? " * 1_000_000,
        "a: &x [1]\nb: *x",
        "a: 1\na: 2",
        "\x00",
        "!!python/object:os.system {}",
    ],
)
def test_text_that_is_no_yaml_is_refused_with_a_reason(text):
    with pytest.raises(Invalid) as refusal:
        parse_submission(text)
    assert refusal.value.faults


def test_aliases_are_refused_where_they_stand():
    with pytest.raises(Invalid) as refusal:
        parse_submission("a: &a [x, x]\nb: &b [*a, *a]")
    assert (refusal.value.faults[0].place, "*a" in refusal.value.faults[0].message) == ("line 2, column 8", True)


def test_a_syntax_fault_names_its_line():
    with pytest.raises(Invalid) as refusal:
        parse_submission("orders:\n  - cmds: [true\n    timeout: 5\n")
    assert refusal.value.faults[0].place.startswith("line 3")


def test_a_job_of_two_thousand_orders_is_read_and_one_more_is_not():
    assert len(make.request(*[make.order()] * 2000).orders) == 2000
    assert faults(make.submission(*[make.order()] * 2001)) == {"orders": "must have at most 2000"}
