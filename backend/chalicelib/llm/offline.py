"""A model that needs nothing: it answers the same to the same (model, seed, prompt), and misbehaves when told to.

What follows a `+` in a model's id (`offline/small+slow=200+fail=3`) or stands in the settings tells it how:
`slow`: milliseconds to wait; `fail`, `throttle`, `lose`: each n-th call is unavailable, throttled, or loses its answer;
`refuse`, `truncate`, `garble`: about one prompt in n, always the same ones, is refused, cut in half, or answered with
other than asked; `lie`: per cent of the true token counts that it tells.
"""

import hashlib
import itertools
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

from chalicelib.llm import Answer, Completion, ModelUnavailable, Refused, Throttled, likely_tokens

PREFIX = "offline/"
SHORTEST, LONGEST = 30, 90
"""Words of an answer."""
MOST_VALUES = 1000
LONGEST_VALUE = 10_000
_VOCABULARY = (
    "the a this one old young quiet river mill stone light door garden letter winter morning captain stranger road"
    " house window story voice hand water name night word friend city field answer question song bridge child table"
    " carried found opened kept turned followed wrote crossed waited asked gave held remembered built left heard and"
    " but while because before after under over beside without toward across against between through of in on with"
    " slowly again never often almost together already somewhere once always softly plainly early late"
)
WORDS = tuple(_VOCABULARY.split())


@dataclass(frozen=True, slots=True)
class Behaviour:
    slow: int = 0
    fail: int = 0
    throttle: int = 0
    lose: int = 0
    refuse: int = 0
    truncate: int = 0
    garble: int = 0
    lie: int = 100


def read_behaviour(text: str, base: Behaviour | None = None) -> Behaviour:
    """From `slow=200+fail=3`. Raises ValueError with what is wrong."""
    known = {each.name for each in fields(Behaviour)}
    changes: dict[str, int] = {}
    for part in filter(None, text.split("+")):
        name, _, number = part.partition("=")
        if name not in known or not number.isdecimal() or len(number) > 6:  # noqa: PLR2004 - a quarter of an hour
            raise ValueError(f"`{part[:50]}` is no behaviour; known are {', '.join(sorted(known))}, each with =number")
        changes[name] = int(number)
    return replace(base or Behaviour(), **changes)


class OfflineModel:
    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self._behaviour = behaviour or Behaviour()
        self._calls = itertools.count(1)

    def complete(self, request: Completion) -> Answer:
        told = self._told(request.model)
        call = next(self._calls)
        if told.slow:
            time.sleep(told.slow / 1000)
        _misbehave(told, call)
        digest = hashlib.blake2b(f"{request.model}\0{request.seed}\0{request.prompt}".encode()).digest()
        chance = Random(digest)  # noqa: S311 - made-up text, and the same each time
        fate = int.from_bytes(digest[:8], "big")
        if told.refuse and fate % told.refuse == 0:
            raise Refused("The offline model was told to refuse this prompt.")
        wanted = None if told.garble and fate % told.garble == 0 else request.schema
        text = _prose(chance) if wanted is None else json.dumps(_Matching(chance).value(wanted))
        return _answer(request, text, told, halve=bool(told.truncate and fate % told.truncate == 0))

    def count_tokens(self, text: str, model: str) -> int:  # noqa: ARG002 - all offline models count alike
        return likely_tokens(text)

    def offers(self, model: str) -> bool:
        try:
            self._told(model)
        except Refused:
            return False
        return True

    def _told(self, model: str) -> Behaviour:
        try:
            return read_behaviour(model.partition("+")[2], self._behaviour)
        except ValueError as error:
            raise Refused(f"{model[:100]}: {error}") from None


def _misbehave(told: Behaviour, call: int) -> None:
    if told.throttle and call % told.throttle == 0:
        raise Throttled("The offline model was told to throttle.", retry_after=1)
    if told.fail and call % told.fail == 0:
        raise ModelUnavailable("The offline model was told to fail.")
    if told.lose and call % told.lose == 0:
        raise ModelUnavailable("The offline model was told to lose its answer.", answer_lost=True)


def _answer(request: Completion, text: str, told: Behaviour, *, halve: bool) -> Answer:
    kept = text[: len(text) // 2] if halve else text
    kept = kept[: request.max_tokens * 4]
    return Answer(
        text=kept,
        input_tokens=likely_tokens(request.prompt) * told.lie // 100,
        output_tokens=likely_tokens(kept) * told.lie // 100,
        model=request.model,
        truncated=len(kept) < len(text),
    )


def _prose(chance: Random) -> str:
    words = chance.choices(WORDS, k=chance.randint(SHORTEST, LONGEST))
    return " ".join(" ".join(sentence).capitalize() + "." for sentence in _cut(words, chance))


def _cut(words: list[str], chance: Random) -> Iterator[list[str]]:
    start = 0
    while start < len(words):
        end = start + chance.randint(6, 14)
        yield words[start:end]
        start = end


class _Matching:
    """A value for the usual schemas: objects, arrays, texts, numbers, choices. Never a large one, whatever is asked."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._left = MOST_VALUES

    def value(self, schema: Mapping[str, Any]) -> Any:
        self._left -= 1
        if self._left < 0:
            return None
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._chance.choice(schema["enum"])
        kind = schema.get("type", "object" if "properties" in schema else "string")
        return self._of_kind(kind[0] if isinstance(kind, list) else kind, schema)

    def _of_kind(self, kind: str, schema: Mapping[str, Any]) -> Any:
        match kind:
            case "object":
                return {name: self.value(_schema(each)) for name, each in schema.get("properties", {}).items()}
            case "array":
                count = max(schema.get("minItems", 1), min(schema.get("maxItems", 2), 2))
                return [self.value(_schema(schema.get("items", {}))) for _ in range(min(count, self._left))]
            case "integer":
                low = math.ceil(schema.get("minimum", 0))
                return self._chance.randint(low, max(low, math.floor(schema.get("maximum", low + 100))))
            case "number":
                low = schema.get("minimum", 0)
                return round(self._chance.uniform(low, schema.get("maximum", low + 1)), 3)
            case "boolean":
                return self._chance.choice([True, False])
        return None if kind == "null" else self._words(schema)

    def _words(self, schema: Mapping[str, Any]) -> str:
        words = " ".join(self._chance.choices(WORDS, k=8)).ljust(min(schema.get("minLength", 0), LONGEST_VALUE), ".")
        return words[: schema.get("maxLength", len(words))]


def _schema(value: Any) -> Mapping[str, Any]:
    """`true` is a schema too: of anything."""
    return value if isinstance(value, Mapping) else {}
