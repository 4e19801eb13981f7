"""What a job will cost, before it costs anything."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.generation.jobs.model import Estimate, Plan, SamplePrompt, StepEstimate
from chalicelib.generation.records import Seed, later_worst
from chalicelib.generation.templates.model import RenderItem, Step
from chalicelib.llm import likely_tokens
from chalicelib.wiring import Ports

SAMPLES = 5
SHOWN = 3
_FILLED = 0.8
"""The share of `max_tokens` that an answer is expected to take."""
_STAND_IN = "an answer of the step before "


def estimate(ports: Ports, plan: Plan, seeds: Sequence[Seed]) -> Estimate:
    steps, samples, smallest = [], [], 0
    outputs: dict[str, Any] = {}
    for position, step in enumerate(plan.steps):
        prompts = _prompts(ports, plan, step, seeds, outputs)
        samples += [each for each in prompts if each.seed in {seed.index for seed in seeds[:SHOWN]}]
        each_worst = [
            later_worst(plan, step, seed.columns, ports.llm, ports.prices)
            if position
            else _first_worst(ports, step, each)
            for seed, each in zip(seeds, prompts, strict=True)
        ]
        worst_one = max(each_worst)
        steps.append(_step(ports, plan, step, prompts, worst_one))
        smallest += worst_one
        outputs[step.step_id] = stand_in(step)
    return Estimate(
        num_records=plan.num_records,
        expected=sum(each.expected for each in steps),
        worst=sum(each.worst for each in steps),
        smallest_cap=smallest,
        price_version=plan.price_version,
        steps=steps,
        samples=samples,
    )


def _prompts(
    ports: Ports, plan: Plan, step: Step, seeds: Sequence[Seed], outputs: Mapping[str, Any]
) -> list[SamplePrompt]:
    items = [RenderItem(seed.columns, seed.number, outputs) for seed in seeds]
    rendered = ports.renderer.render(plan.program, step.step_id, items)
    return [
        SamplePrompt(seed.index, step.step_id, each.prompt, each.fault)
        for seed, each in zip(seeds, rendered, strict=True)
    ]


def _first_worst(ports: Ports, step: Step, sample: SamplePrompt) -> int:
    tokens = ports.llm.count_tokens(sample.prompt, step.model)
    return ports.prices.of(step.model).cost(tokens, step.max_tokens)


def _step(ports: Ports, plan: Plan, step: Step, prompts: Sequence[SamplePrompt], worst: int) -> StepEstimate:
    answer = _answer_tokens(step)
    asked = sum(likely_tokens(each.prompt) for each in prompts) // max(1, len(prompts))
    return StepEstimate(
        step_id=step.step_id,
        model=step.model,
        expected_input=asked * plan.num_records,
        expected_output=answer * plan.num_records,
        expected=ports.prices.of(step.model).cost(asked, answer) * plan.num_records,
        worst=worst * plan.num_records,
    )


def _answer_tokens(step: Step) -> int:
    return max(1, int(step.max_tokens * _FILLED))


def stand_in(step: Step) -> Any:
    """What an output may look like, so that later prompts can be shown and counted."""
    if step.schema is not None:
        return {name: f"<{name}>" for name in step.schema.get("properties", {})}
    text = _STAND_IN * (1 + 4 * _answer_tokens(step) // len(_STAND_IN))
    return text[: 4 * _answer_tokens(step)]
