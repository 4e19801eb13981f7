"""Any server that speaks OpenAI's chat completions."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from chalicelib.clock import Clock
from chalicelib.llm import LARGEST_ANSWER, Answer, Completion, ModelUnavailable, Refused, Throttled

PREFIX = "openai/"
PATIENCE = 3600
"""Seconds of a Retry-After beyond which it is not believed."""
TOKENS_AROUND = 64
"""What a chat's own format adds to a prompt, at most."""
LARGEST_BODY = 8 * LARGEST_ANSWER
WORKED_ON = frozenset({408, 502, 504, 524})
"""Answers of a gateway that lost patience: what is behind it may have worked all the same."""
_TOO_MANY, _SERVER_FAULT, _CLIENT_FAULT, _OK = 429, 500, 400, 200


class OpenAiModels:
    def __init__(self, url: str, key: str, clock: Clock, *, timeout: float = 120) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._clock = clock
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=10, pool=timeout),
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
            # The proxy and certificates of the environment are the operator's business; redirects would carry the key.
            follow_redirects=False,
        )

    def complete(self, request: Completion) -> Answer:
        status, headers, body = self._post(
            {
                "model": request.model.removeprefix(PREFIX),
                "messages": [{"role": "user", "content": request.prompt}],
                "max_tokens": request.max_tokens,
                "temperature": request.temperature,
                "seed": request.seed,
            }
        )
        if status != _OK:
            raise self._refusal(status, headers, body)
        return _read(request, body)

    def count_tokens(self, text: str, model: str) -> int:  # noqa: ARG002 - true of every tokenizer over bytes
        return len(text.encode()) + TOKENS_AROUND

    def offers(self, model: str) -> bool:
        return model.startswith(PREFIX)

    def close(self) -> None:
        self._client.close()

    def _post(self, data: Mapping[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        try:
            with self._client.stream("POST", "/chat/completions", json=data) as response:
                return response.status_code, response.headers, _bounded(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise ModelUnavailable(f"The model's server is out of reach: {_words(error)}") from None
        except httpx.TransportError as error:
            raise ModelUnavailable(f"The connection was cut: {_words(error)}", answer_lost=True) from None
        except httpx.DecodingError as error:
            raise ModelUnavailable(f"The answer cannot be read: {_words(error)}", answer_lost=True) from None

    def _refusal(self, status: int, headers: httpx.Headers, body: bytes) -> Throttled | ModelUnavailable | Refused:
        said = f"The model's server answered {status}: {_message(body)}"
        if status == _TOO_MANY:
            return Throttled(said, retry_after=self._retry_after(headers.get("retry-after", "")))
        if status >= _SERVER_FAULT or status in WORKED_ON or status < _CLIENT_FAULT:
            return ModelUnavailable(said, answer_lost=status in WORKED_ON)
        return Refused(said)

    def _retry_after(self, text: str) -> int:
        if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
            return min(PATIENCE, max(1, math.ceil(float(text))))
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return 1
        if moment.tzinfo is None:
            return 1
        return min(PATIENCE, max(1, math.ceil((moment - self._clock.now()).total_seconds())))


def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > LARGEST_BODY:
            raise ModelUnavailable(f"The answer is larger than {LARGEST_BODY:,} bytes.", answer_lost=True)
    return bytes(body)


def _read(request: Completion, body: bytes) -> Answer:
    try:
        data = httpx.Response(_OK, content=body).json()
        choice, usage = data["choices"][0], data["usage"]
        text, input_tokens, output_tokens = (
            choice["message"]["content"],
            usage["prompt_tokens"],
            usage["completion_tokens"],
        )
    except (ValueError, LookupError, TypeError):
        raise _unusable() from None
    if not (
        isinstance(text, str) and len(text) <= LARGEST_ANSWER and _is_count(input_tokens) and _is_count(output_tokens)
    ):
        raise _unusable()
    return Answer(
        # Half of a character, which JSON can say and UTF-8 cannot, would be kept by nobody after us.
        text=text.encode(errors="replace").decode(),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        model=str(data.get("model") or request.model)[:200],
        truncated=choice.get("finish_reason") in ("length", "content_filter"),
    )


def _unusable() -> ModelUnavailable:
    return ModelUnavailable("The answer has no text, or no token counts that can be believed.", answer_lost=True)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000_000  # noqa: PLR2004 - far beyond any context


def _message(body: bytes) -> str:
    """What the server says of an error, in a line."""
    try:
        data = httpx.Response(_OK, content=body).json()
    except ValueError:
        data = None
    error = data.get("error") if isinstance(data, dict) else None
    told = error.get("message") if isinstance(error, dict) else error
    text = told if isinstance(told, str) else body.decode(errors="replace")
    return " ".join(text.split())[:300] or "nothing more"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
