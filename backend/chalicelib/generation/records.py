"""Making one record: render, set money aside, call, check, step by step."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from chalicelib.errors import Unprocessable
from chalicelib.generation.budget import BudgetExceeded, Hold, Purse
from chalicelib.generation.calls import Caller, Misreported
from chalicelib.generation.jobs.model import Plan, Record
from chalicelib.generation.store import Entry
from chalicelib.generation.templates.model import Rendered, RenderItem, Step
from chalicelib.generation.templates.rendering import Renderer
from chalicelib.jobs.actions import Stopped
from chalicelib.llm import Answer, Completion, Llm, ModelUnavailable, Prices, Refused, Throttled, UnknownPrice

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

ASKED_AGAIN = 2
_FENCE = re.compile(r"\A\s*```[a-z]*\n(.*)\n```\s*\Z", re.DOTALL)


class BadRecord(Unprocessable):
    type = "bad-record"
    title = "The record cannot be made"


_FOR_GOOD = (BadRecord, Misreported, Refused, ModelUnavailable, Throttled, UnknownPrice)
"""What fails a record; all else that goes wrong is no fault of it."""
_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Seed:
    """The record of the seed data that record `number` of the job is made from."""

    number: int
    index: int
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Begun:
    """A record whose first prompt is there, or the fault that says why there is none."""

    seed: Seed
    first: Rendered


@dataclass(slots=True)
class Made:
    """`record` is None when it was given up half-way, for the reason `why`; what it cost by then is in `entries`."""

    number: int
    record: Record | None = None
    why: Exception | None = None
    entries: list[Entry] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)


class Maker:
    def __init__(
        self, plan: Plan, *, renderer: Renderer, caller: Caller, purse: Purse, llm: Llm, prices: Prices
    ) -> None:
        self._plan = plan
        self._renderer = renderer
        self._caller = caller
        self._purse = purse
        self._llm = llm
        self._prices = prices
        self._validators = {step.step_id: validator_of(step.schema) for step in plan.steps if step.schema is not None}

    def begin(self, seeds: Sequence[Seed]) -> list[Begun]:
        """Many at a time, which is faster; and they come to the money in their order."""
        items = [RenderItem(seed.columns, seed.number, {}) for seed in seeds]
        rendered = self._renderer.render(self._plan.program, self._plan.steps[0].step_id, items)
        return [Begun(seed, first) for seed, first in zip(seeds, rendered, strict=True)]

    def make(self, begun: Begun) -> Made:
        seed, made, error = begun.seed, Made(begun.seed.number), ""
        try:
            self._go_through(begun, made)
        except (BudgetExceeded, Stopped) as why:
            made.why = why
            return made
        except _FOR_GOOD as failure:
            error = failure.detail
        made.record = Record(
            number=seed.number,
            seed=seed.index,
            columns=seed.columns,
            prompts=made.prompts,
            outputs=made.outputs,
            model=", ".join(dict.fromkeys(made.models)),
            tokens=sum(each.input_tokens + each.output_tokens for each in made.entries),
            cost=sum(each.cost for each in made.entries),
            error=error,
        )
        return made

    def _go_through(self, begun: Begun, made: Made) -> None:
        first, *later = self._plan.steps
        seed = begun.seed
        made.prompts[first.step_id] = _prompt(first, begun.first)
        worst = self._caller.worst(self._request(first, made.prompts[first.step_id], seed))
        worst += sum(later_worst(self._plan, step, seed.columns, self._llm, self._prices) for step in later)
        with self._purse.hold(worst) as hold:
            self._ask(first, seed, made, hold)
            for step in later:
                made.prompts[step.step_id] = self._render(step, seed, made)
                self._ask(step, seed, made, hold)

    def _render(self, step: Step, seed: Seed, made: Made) -> str:
        item = RenderItem(seed.columns, seed.number, made.outputs)
        return _prompt(step, self._renderer.render(self._plan.program, step.step_id, [item])[0])

    def _ask(self, step: Step, seed: Seed, made: Made, hold: Hold) -> None:
        """Ask, and ask again with what was wrong. Raises BadRecord when the answer still does not match its schema."""
        prompt = made.prompts[step.step_id]
        asked = prompt
        for _ in range(1 + ASKED_AGAIN):
            answer = self._call(step, self._request(step, asked, seed), made, hold)
            validator = self._validators.get(step.step_id)
            output, fault = (answer.text, "") if validator is None else read_output(answer.text, validator)
            made.outputs[step.step_id] = output
            if not fault:
                return
            asked = f"{prompt}\n\nYour last answer was not accepted: {fault}\nAnswer with JSON that matches the schema."
        raise BadRecord(f"{step.step_id}: the answer does not match its schema: {fault}")

    def _call(self, step: Step, request: Completion, made: Made, hold: Hold) -> Answer:
        try:
            called = self._caller.call(request, hold)
        except Misreported as lie:
            made.entries.append(_entry(step, lie.answer, lie.cost, believed=False))
            made.models.append(step.model)
            raise
        made.entries.append(_entry(step, called.answer, called.cost))
        made.models.append(step.model)
        return called.answer

    def _request(self, step: Step, prompt: str, seed: Seed) -> Completion:
        return Completion(
            model=step.model,
            prompt=prompt,
            max_tokens=step.max_tokens,
            temperature=step.temperature,
            seed=seed.number,
            schema=step.schema,
        )


def _prompt(step: Step, rendered: Rendered) -> str:
    if rendered.fault:
        raise BadRecord(f"{step.step_id}: {rendered.fault}")
    return rendered.prompt


def _entry(step: Step, answer: Answer, cost: int, *, believed: bool = True) -> Entry:
    return Entry(
        step_id=step.step_id,
        model=step.model,
        calls=1,
        input_tokens=answer.input_tokens if believed else 0,
        output_tokens=answer.output_tokens if believed else 0,
        cost=cost,
    )


def later_worst(plan: Plan, step: Step, columns: Mapping[str, Any], llm: Llm, prices: Prices) -> int:
    """What a step may cost whose prompt is not known yet: its text, the whole seed and all outputs before it."""
    tokens = llm.count_tokens(plan.program.prompts[step.step_id], step.model)
    tokens += llm.count_tokens(orjson.dumps(columns).decode(), step.model)
    for before in plan.steps:
        if before.step_id == step.step_id:
            break
        tokens += before.max_tokens * _BYTES_PER_TOKEN
    return prices.of(step.model).cost(tokens, step.max_tokens)


def validator_of(schema: Mapping[str, Any]) -> "Draft202012Validator":
    # 50 ms that only those pay who generate.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    return Draft202012Validator(dict(schema))


def read_output(text: str, validator: "Draft202012Validator") -> tuple[Any, str]:
    """The JSON in an answer, and what is wrong with it; the text itself when it is no JSON."""
    found = _FENCE.match(text)
    try:
        output = orjson.loads(found[1] if found else text)
    except orjson.JSONDecodeError as error:
        return text, f"it is not JSON ({error})"
    fault = next(iter(validator.iter_errors(output)), None)
    return output, f"{fault.json_path}: {fault.message[:300]}" if fault else ""
