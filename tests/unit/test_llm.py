"""The offline model, choosing a provider, and prices."""

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from chalicelib.llm import Completion, ModelUnavailable, Refused, Throttled
from chalicelib.llm.offline import OfflineModel, read_behaviour
from chalicelib.llm.routing import Models
from chalicelib.settings import BadSettings
from tests import make
from tests.contracts.llm import LlmContract, SickLlmContract, Sickness, ask

SICK = {Sickness.THROTTLED: "throttle", Sickness.DOWN: "fail", Sickness.REFUSED: "refuse", Sickness.LOST: "lose"}


@pytest.fixture
def llm():
    return OfflineModel()


@pytest.fixture
def model():
    return "offline/small"


@pytest.fixture
def sick():
    return lambda sickness: f"offline/small+{SICK[sickness]}=1"


class TestOffline(LlmContract, SickLlmContract):
    pass


def complete(behaviour="", prompt="Hello", **more):
    return OfflineModel().complete(Completion(model=f"offline/x{behaviour}", prompt=prompt, max_tokens=500, **more))


def test_it_answers_the_same_to_the_same(llm, model):
    assert llm.complete(ask(model)) == OfflineModel().complete(ask(model))


def test_it_answers_differently_to_another_seed(llm, model):
    assert llm.complete(ask(model)).text != llm.complete(replace(ask(model), seed=8)).text


def test_each_third_call_fails_when_told_so(llm):
    ends = []
    for _ in range(6):
        try:
            ends.append(bool(llm.complete(ask("offline/x+fail=3")).text))
        except ModelUnavailable:
            ends.append(False)
    assert ends == [True, True, False, True, True, False]


def test_about_one_prompt_in_three_is_refused_and_always_the_same():
    def refused(number):
        try:
            complete("+refuse=3", prompt=str(number))
        except Refused:
            return True
        return False

    first = [refused(number) for number in range(90)]
    assert 15 < sum(first) < 50
    assert first == [refused(number) for number in range(90)]


def test_it_lies_about_its_counts_when_told_so():
    honest, lying = complete(), complete("+lie=1000")
    assert lying.input_tokens == 10 * honest.input_tokens
    assert (lying.output_tokens > 0, lying.text == honest.text) == (True, False)


def test_it_cuts_its_answer_in_half_when_told_so():
    assert complete("+truncate=1").truncated


def test_it_can_be_slow(llm):
    assert read_behaviour("slow=200").slow == 200


def test_settings_tell_all_offline_models():
    ports = make.ports(MILLRACE_LLM_OFFLINE="throttle=1")
    with pytest.raises(Throttled):
        ports.llm.complete(ask("offline/small"))


@pytest.mark.parametrize("text", ["slow", "slow=x", "fast=1", "slow=-1", "slow=9999999"])
def test_what_is_no_behaviour_refuses_to_start(text):
    with pytest.raises(BadSettings, match="MILLRACE_LLM_OFFLINE"):
        make.ports(MILLRACE_LLM_OFFLINE=text)


SCHEMA = {
    "type": "object",
    "required": ["title", "score", "tags", "kind"],
    "properties": {
        "title": {"type": "string", "minLength": 3, "maxLength": 20},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "tags": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "kind": {"enum": ["a", "b"]},
        "sure": {"type": "boolean"},
        "none": {"type": "null"},
        "inner": {"properties": {"x": {"type": ["integer", "null"]}}},
    },
}


@pytest.mark.parametrize("seed", range(10))
def test_it_answers_with_json_that_matches_a_schema(seed):
    Draft202012Validator(SCHEMA).validate(json.loads(complete(seed=seed, schema=SCHEMA).text))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 10**9},
        {"type": "array", "minItems": 10**9},
        {"type": "array", "minItems": 99, "items": {"type": "array", "minItems": 99, "items": {"type": "array"}}},
    ],
)
def test_a_schema_asks_for_no_endless_answer(schema):
    answer = OfflineModel().complete(Completion(model="offline/x", prompt="x", max_tokens=10**6, schema=schema))
    assert len(answer.text) < 100_000


@pytest.mark.parametrize("schema", [{"properties": {"a": True}}, {"type": "array", "items": False}, {}])
def test_it_answers_to_unusual_schemas(schema):
    assert complete(schema=schema).text


def test_it_forgets_the_schema_when_told_so():
    assert not complete("+garble=1", schema=SCHEMA).text.startswith("{")


def test_a_model_of_nobody_is_refused():
    models = Models({"offline": OfflineModel()})
    assert not models.offers("elsewhere/x")
    with pytest.raises(Refused, match="there are offline"):
        models.complete(ask("elsewhere/x"))


def test_at_home_only_the_offline_model_is_there():
    llm = make.ports().llm
    assert [llm.offers(each) for each in ("offline/small", "openai/x", "bedrock/x")] == [True, False, False]


def test_a_server_of_ones_own_is_offered_when_it_is_named():
    assert make.ports(MILLRACE_LLM_URL="http://127.0.0.1:1/v1").llm.offers("openai/x")


def test_an_address_that_is_none_refuses_to_start():
    with pytest.raises(BadSettings, match="MILLRACE_LLM_URL"):
        make.ports(MILLRACE_LLM_URL="localhost:8000")


def test_the_key_is_not_shown():
    settings = make.ports(MILLRACE_LLM_KEY="very secret").settings
    assert "very secret" not in repr(settings)
