"""The Bedrock adapter against botocore's Stubber: moto knows no Converse."""

import pytest
from botocore.stub import ANY, Stubber

from chalicelib import aws
from chalicelib.llm import ModelUnavailable, Refused, Throttled
from chalicelib.llm.bedrock import BedrockModels
from chalicelib.settings import read_settings
from tests.contracts.llm import LlmContract, SickLlmContract, Sickness, ask

pytestmark = pytest.mark.integration

MODEL = "bedrock/meta.llama3-1-8b-instruct-v1:0"
SICK = {
    Sickness.THROTTLED: ("ThrottlingException", 429),
    Sickness.DOWN: ("ServiceUnavailableException", 503),
    Sickness.REFUSED: ("ValidationException", 400),
    Sickness.LOST: ("ModelTimeoutException", 408),
}


@pytest.fixture
def client(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return aws.connect("bedrock-runtime", read_settings({}), read_timeout=5, attempts=1)


@pytest.fixture
def stub(client):
    with Stubber(client) as stubber:
        yield stubber


@pytest.fixture
def sick(stub):
    def make_sick(sickness):
        code, status = SICK[sickness]
        stub.add_client_error("converse", code, "told so", http_status_code=status)
        return MODEL

    return make_sick


class Answering:
    """A Bedrock that answers all: each call is stubbed when it comes."""

    def __init__(self, stub, client):
        self._stub = stub
        self._models = BedrockModels(client)

    def complete(self, request):
        if not self._stub._queue:
            words = ["The", "mill", "stood", "still", str(len(request.prompt))]
            kept = words[: request.max_tokens]
            self._stub.add_response("converse", answer(" ".join(kept), len(kept), cut=len(kept) < len(words)))
        return self._models.complete(request)

    def count_tokens(self, text, model):
        return self._models.count_tokens(text, model)

    def offers(self, model):
        return self._models.offers(model)


def answer(text, count, *, cut=False):
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "max_tokens" if cut else "end_turn",
        "usage": {"inputTokens": 12, "outputTokens": count, "totalTokens": 12 + count},
        "metrics": {"latencyMs": 1},
    }


@pytest.fixture
def llm(stub, client):
    return Answering(stub, client)


@pytest.fixture
def model():
    return MODEL


class TestBedrock(LlmContract, SickLlmContract):
    pass


def test_it_sends_what_was_asked(stub, client):
    expected = {
        "modelId": "meta.llama3-1-8b-instruct-v1:0",
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5},
    }
    stub.add_response("converse", answer("x", 1), expected)
    BedrockModels(client).complete(ask(MODEL, "Hello", max_tokens=9))
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 429, Throttled),
        ("ServiceQuotaExceededException", 400, Throttled),
        ("ModelNotReadyException", 429, ModelUnavailable),
        ("ModelErrorException", 424, ModelUnavailable),
        ("InternalServerException", 500, ModelUnavailable),
        ("AccessDeniedException", 403, Refused),
        ("ResourceNotFoundException", 404, Refused),
    ],
)
def test_each_error_is_judged(stub, client, code, status, error):
    stub.add_client_error("converse", code, "told so", http_status_code=status)
    with pytest.raises(error):
        BedrockModels(client).complete(ask(MODEL))


def test_parts_of_an_answer_are_joined(stub, client):
    made = answer("one ", 2)
    made["output"]["message"]["content"] += [{"text": "two"}]
    stub.add_response("converse", made, {"modelId": ANY, "messages": ANY, "inferenceConfig": ANY})
    assert BedrockModels(client).complete(ask(MODEL)).text == "one two"


def test_a_call_is_never_repeated_behind_our_back(client):
    assert client.meta.config.retries["total_max_attempts"] == 1
