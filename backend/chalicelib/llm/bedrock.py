"""Amazon Bedrock, by its Converse operation."""

from typing import Any

from chalicelib import aws
from chalicelib.errors import Unavailable
from chalicelib.llm import Answer, Completion, ModelUnavailable, Refused, Throttled
from chalicelib.llm.openai import TOKENS_AROUND

PREFIX = "bedrock/"
THROTTLING = frozenset({"ThrottlingException", "TooManyRequestsException", "ServiceQuotaExceededException"})
LOST = frozenset({"ModelTimeoutException"})
NOT_NOW = frozenset({"ModelNotReadyException", "ModelErrorException", "ModelStreamErrorException"})
"""What is worth another try though AWS answers it as if it were the caller's fault."""
PAUSE = 2
"""Seconds, as Bedrock names none."""


class BedrockModels:
    """`client` is of `bedrock-runtime`, and must not repeat calls by itself: a repeated one is paid twice."""

    def __init__(self, client: aws.Client) -> None:
        self._client = client

    def complete(self, request: Completion) -> Answer:
        try:
            answer = aws.call(
                self._client.converse,
                modelId=request.model.removeprefix(PREFIX),
                messages=[{"role": "user", "content": [{"text": request.prompt}]}],
                # Bedrock knows no temperature above 1.
                inferenceConfig={"maxTokens": request.max_tokens, "temperature": min(request.temperature, 1.0)},
            )
        except aws.Overloaded as error:
            raise _overloaded(error.code, str(error)) from error
        except Unavailable as error:
            raise ModelUnavailable(error.detail, answer_lost=True) from error
        except aws.Refused as error:
            raise _refused(error) from error
        return _read(request, answer)

    def count_tokens(self, text: str, model: str) -> int:  # noqa: ARG002 - true of every tokenizer over bytes
        return len(text.encode()) + TOKENS_AROUND

    def offers(self, model: str) -> bool:
        return model.startswith(PREFIX)


def _read(request: Completion, answer: Any) -> Answer:
    try:
        content, usage = answer["output"]["message"]["content"], answer["usage"]
        text = "".join(each["text"] for each in content if "text" in each)
        return Answer(
            text=text,
            input_tokens=int(usage["inputTokens"]),
            output_tokens=int(usage["outputTokens"]),
            model=request.model,
            truncated=answer["stopReason"] != "end_turn" and answer["stopReason"] != "stop_sequence",
        )
    except (LookupError, TypeError, ValueError):
        raise ModelUnavailable("Bedrock's answer cannot be read.", answer_lost=True) from None


def _overloaded(code: str, said: str) -> Throttled | ModelUnavailable:
    if code in THROTTLING:
        return Throttled(said, retry_after=PAUSE)
    return ModelUnavailable(said)


def _refused(error: aws.Refused) -> Throttled | ModelUnavailable | Refused:
    if error.code in THROTTLING:
        return Throttled(str(error), retry_after=PAUSE)
    if error.code in LOST | NOT_NOW:
        return ModelUnavailable(str(error), answer_lost=error.code in LOST)
    return Refused(f"Bedrock refuses: {error}")
