"""The OpenAI-compatible adapter against a server over HTTP."""

import pytest

from chalicelib.llm import ModelUnavailable, Refused, Throttled
from chalicelib.llm.openai import OpenAiModels
from tests.clocks import ManualClock
from tests.contracts.llm import LlmContract, SickLlmContract, Sickness, ask
from tests.models import model_server

pytestmark = pytest.mark.integration

SICK = {
    Sickness.THROTTLED: (429, {"error": {"message": "slow down"}}),
    Sickness.DOWN: (500, {}),
    Sickness.REFUSED: (400, {"error": {"message": "no"}}),
    Sickness.LOST: "cut",
}


@pytest.fixture
def server():
    with model_server() as told:
        yield told


@pytest.fixture
def llm(server):
    models = OpenAiModels(server.url, "secret", ManualClock(), timeout=1)
    yield models
    models.close()


@pytest.fixture
def model():
    return "openai/mill-7b"


@pytest.fixture
def sick(server, model):
    def make_sick(sickness):
        server.sick.append(SICK[sickness])
        return model

    return make_sick


class TestOpenAi(LlmContract, SickLlmContract):
    pass


def test_it_sends_what_was_asked(llm, server, model):
    llm.complete(ask(model, "Hello", max_tokens=9))
    assert server.asked == [
        {
            "model": "mill-7b",
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 9,
            "temperature": 0.5,
            "seed": 7,
        }
    ]
    assert server.keys == ["Bearer secret"]


def test_a_server_without_keys_gets_none(server, model):
    models = OpenAiModels(server.url, "", ManualClock())
    models.complete(ask(model))
    models.close()
    assert server.keys == [""]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("1.2", 2),
        ("999999", 3600),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 1),
        ("soon", 1),
        ("", 1),
    ],
)
def test_it_comes_again_when_it_is_told_to(llm, server, model, told, seconds):
    server.sick.append((429, {}, {"Retry-After": told}))
    with pytest.raises(Throttled) as caught:
        llm.complete(ask(model))
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(("status", "lost"), [(500, False), (503, False), (502, True), (504, True), (408, True)])
def test_a_gateway_that_lost_patience_may_have_had_the_work_done(llm, server, model, status, lost):
    server.sick.append((status, {}))
    with pytest.raises(ModelUnavailable) as caught:
        llm.complete(ask(model))
    assert caught.value.answer_lost is lost


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_is_refused_says_why(llm, server, model, status):
    server.sick.append((status, {"error": {"message": "the model is\nnot yours"}}))
    with pytest.raises(Refused, match=f"answered {status}: the model is not yours"):
        llm.complete(ask(model))


def test_a_redirect_is_not_followed(llm, server, model):
    server.sick.append((307, {}, {"Location": "http://127.0.0.1:1/elsewhere"}))
    with pytest.raises(ModelUnavailable):
        llm.complete(ask(model))
    assert len(server.asked) == 1


def test_an_answer_that_takes_too_long_may_have_cost(llm, server, model):
    server.sick.append("hang")
    with pytest.raises(ModelUnavailable) as caught:
        llm.complete(ask(model))
    assert caught.value.answer_lost


def test_a_server_that_is_not_there_cost_nothing(model):
    models = OpenAiModels("http://127.0.0.1:9/v1", "", ManualClock(), timeout=1)
    with pytest.raises(ModelUnavailable) as caught:
        models.complete(ask(model))
    models.close()
    assert not caught.value.answer_lost


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        {},
        {"choices": []},
        {"choices": [{"message": {"content": "x"}}]},
        {"choices": [{"message": {"content": None}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
    ],
)
def test_an_answer_that_makes_no_sense_may_have_cost(llm, server, model, body):
    server.sick.append((200, body))
    with pytest.raises(ModelUnavailable) as caught:
        llm.complete(ask(model))
    assert caught.value.answer_lost


def test_half_a_character_is_replaced(llm, server, model):
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    server.sick.append((200, {"choices": [{"message": {"content": "a\ud800b"}}], "usage": usage}))
    assert llm.complete(ask(model)).text == "a?b"


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": "9", "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 10**12, "completion_tokens": 1},
        {"prompt_tokens": 1},
        [],
    ],
)
def test_counts_that_cannot_be_are_not_believed(llm, server, model, usage):
    server.usage = usage
    with pytest.raises(ModelUnavailable, match="token counts"):
        llm.complete(ask(model))


def test_an_answer_after_a_cut_connection_comes_on_a_new_one(llm, server, model):
    server.sick.append("cut")
    with pytest.raises(ModelUnavailable):
        llm.complete(ask(model))
    assert llm.complete(ask(model)).text
