"""Looking at what a template makes of a record, before a job is paid for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.errors import Conflict
from chalicelib.generation import costs
from chalicelib.generation.store import Entry
from chalicelib.generation.templates import programs, reading
from chalicelib.generation.templates.definition import TemplateDefinition
from chalicelib.generation.templates.model import Program, RenderItem, Step, StepTest, Version
from chalicelib.limits import budget as monthly
from chalicelib.llm import Completion
from chalicelib.wiring import Ports

STAND_IN = "offline/small"
USUAL_TIER = 1


class TestBudgetExceeded(Conflict):
    __test__ = False  # to pytest
    type = "budget-exceeded"
    title = "The budget does not cover it"


def preview(
    ports: Ports,
    caller: Caller,
    definition: TemplateDefinition,
    records: Sequence[Mapping[str, Any]],
    *,
    outputs: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[list[StepTest]]:
    """The prompts of an unsaved template, for each record. Steps that are not in `outputs` get made-up ones."""
    require(caller, Permission.TEMPLATES_READ)
    steps = definition.to_steps()
    program = programs.prepare(ports, caller.tenant_id, steps)[0]
    trials = [_Trial(ports, program, steps, record, seed + number) for number, record in enumerate(records)]
    return [each.prompts(outputs or {}) for each in trials]


def try_out(
    ports: Ports,
    caller: Caller,
    template_id: str,
    record: Mapping[str, Any],
    *,
    number: int | None = None,
    seed: int = 0,
    real: bool = False,
    budget: int = 0,
    models: Mapping[str, str] | None = None,
) -> list[StepTest]:
    """The prompts for one record; with `real`, what the models say, for at most `budget` micro-dollars.

    `models` by step id go before those that the template names. Raises BudgetReached when the organisation has no more
    money this month.
    """
    require(caller, Permission.TEMPLATES_WRITE if real else Permission.TEMPLATES_READ)
    version = reading.version_of(ports, reading.find(ports, caller.tenant_id, template_id), number)
    program = programs.build(ports, caller.tenant_id, version.steps, version.includes)
    steps = [replace(each, model=(models or {}).get(each.step_id, each.model)) for each in version.steps]
    trial = _Trial(ports, program, steps, record, seed)
    if not real:
        return trial.prompts({})
    monthly.check(ports, caller.tenant_id)
    return trial.answers(budget, lambda test: _charge(ports, caller, version, test))


def _charge(ports: Ports, caller: Caller, version: Version, test: StepTest) -> None:
    spent = Entry(
        step_id=test.step_id,
        model=test.model,
        calls=1,
        input_tokens=test.input_tokens,
        output_tokens=test.output_tokens,
        cost=test.cost,
    )
    after = {"version": version.number, "step": test.step_id, "model": test.model, "micro_dollars": test.cost}
    told = entry(ports.clock, caller, "template.test", f"template/{version.template_id}", after=after)
    trial = costs.Trial(version.template_id, version.name, caller.email)
    costs.charge(ports, caller.tenant_id, trial, [spent], told=[told])


def model_of(ports: Ports, step: Step) -> str:
    """The model a step names, or that of its tier. Raises UnknownPrice."""
    return step.model or ports.prices.model_of_tier(step.tier or USUAL_TIER, ports.llm)


def as_value(step: Step, text: str) -> Any:
    """What later steps read as its output: the parsed JSON of a step with a schema, where it is JSON."""
    if step.schema is None:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


@dataclass(frozen=True, slots=True)
class _Trial:
    """One record's way through a template."""

    ports: Ports
    program: Program
    steps: Sequence[Step]
    record: Mapping[str, Any]
    seed: int

    def prompts(self, outputs: Mapping[str, Any]) -> list[StepTest]:
        known = dict(outputs)
        tests = []
        for step in self.steps:
            tests.append(self._prompt(step, known))
            if step.step_id not in known:
                known[step.step_id] = _stand_in(self.ports, step)
        return tests

    def answers(self, budget: int, charge: Callable[[StepTest], None]) -> list[StepTest]:
        """Ends at the first step that has a fault. Each call is charged as soon as it is answered."""
        outputs: dict[str, Any] = {}
        tests: list[StepTest] = []
        for step in self.steps:
            left = budget - sum(each.cost for each in tests)
            test = self._prompt(step, outputs)
            if test.fault:
                return [*tests, test]
            tests.append(self._answer(step, test, left))
            charge(tests[-1])
            outputs[step.step_id] = as_value(step, tests[-1].output or "")
        return tests

    def _prompt(self, step: Step, outputs: Mapping[str, Any]) -> StepTest:
        [rendered] = self.ports.renderer.render(
            self.program, step.step_id, [RenderItem(self.record, self.seed, outputs)]
        )
        model = model_of(self.ports, step)
        tokens = 0 if rendered.fault else self.ports.llm.count_tokens(rendered.prompt, model)
        return StepTest(
            step_id=step.step_id, prompt=rendered.prompt, model=model, input_tokens=tokens, fault=rendered.fault
        )

    def _answer(self, step: Step, test: StepTest, left: int) -> StepTest:
        price = self.ports.prices.of(test.model)
        worst = price.cost(test.input_tokens, step.max_tokens)
        if worst > left:
            raise TestBudgetExceeded(f"Step {step.step_id} may cost ${worst / 1e6:.6f}, and ${left / 1e6:.6f} is left.")
        answer = self.ports.llm.complete(
            Completion(
                model=test.model,
                prompt=test.prompt,
                max_tokens=step.max_tokens,
                temperature=step.temperature,
                seed=self.seed,
                schema=step.schema,
            )
        )
        return replace(
            test,
            output=answer.text,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=price.cost(answer.input_tokens, answer.output_tokens),
        )


def _stand_in(ports: Ports, step: Step) -> Any:
    if step.schema is None:
        return f"(the output of {step.step_id})"
    made = Completion(model=STAND_IN, prompt=step.step_id, max_tokens=10_000, schema=step.schema)
    return as_value(step, ports.llm.complete(made).text)
