"""Templates as the pages show them, and a template while somebody writes it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.accounts.model import Caller
from chalicelib.errors import Fault, Invalid
from chalicelib.generation.templates.definition import MAX_STEPS
from chalicelib.generation.templates.model import Step, StepTest, Template, Variables, Version
from frontend.forms import Form
from frontend.views.money import usd
from frontend.views.samples import has, sample_of
from frontend.views.words import count

TIER = "tier:"
SHOWN_VARIABLES = 6
FILTERS = (
    ("random_sentence", "one sentence of a text, by chance"),
    ("random_word", "one word of a text, by chance"),
    ("writing_style", "the words that describe a style: formal, casual, technical, ..."),
    ("truncate_tokens(200)", "no more than so many tokens"),
    ("extract_keywords(5)", "its most telling words"),
    ("summarize_text(2)", "its most telling sentences"),
    ("capitalize_first", "with a capital at its start"),
    ("remove_markdown", "as plain text"),
    ("json_safe", "as it may stand inside a JSON string"),
)


@dataclass(frozen=True, slots=True)
class Card:
    """A template in a list."""

    template_id: str
    name: str
    description: str
    category: str
    origin: str
    steps: int
    variables: Sequence[str]
    more: int


def card(template: Template, caller: Caller) -> Card:
    names = template.variables.required + template.variables.optional
    return Card(
        template_id=template.template_id,
        name=template.name,
        description=template.description,
        category=template.category,
        origin=origin_of(template, caller),
        steps=template.step_count,
        variables=names[:SHOWN_VARIABLES],
        more=max(len(names) - SHOWN_VARIABLES, 0),
    )


def origin_of(template: Template, caller: Caller) -> str:
    if template.is_system:
        return "Millrace"
    if template.tenant_id != caller.tenant_id:
        return f"shared by {template.created_by}"
    return "yours, shared" if template.is_public else "yours"


@dataclass(frozen=True, slots=True)
class StepDraft:
    """What stands in the fields of a step, as it was typed. `model` is empty, `tier:2` or a model's name."""

    id: str = ""
    prompt: str = ""
    model: str = ""
    temperature: str = "0.7"
    max_tokens: str = "1000"
    output_schema: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """`version` is the one that is edited, empty for a new template."""

    name: str = ""
    description: str = ""
    category: str = ""
    is_public: bool = False
    steps: Sequence[StepDraft] = (StepDraft(),)
    sample: str = ""
    version: str = ""


STARTER = Draft(
    steps=(
        StepDraft(
            id="review",
            prompt=(
                "Write a short review of {{ product }} by a customer who is {{ mood }}.\n"
                "{% if price is defined %}They paid {{ price }} for it. {% endif %}"
                "Answer with the text of the review only."
            ),
        ),
    ),
    sample='{\n  "product": "a folding bicycle",\n  "mood": "delighted",\n  "price": "799 euros"\n}',
)


def draft_of(version: Version, *, is_public: bool) -> Draft:
    return Draft(
        name=version.name,
        description=version.description,
        category=version.category,
        is_public=is_public,
        steps=[_step_draft(each) for each in version.steps],
        sample=sample_of(version.variables),
        version=str(version.number),
    )


def _step_draft(step: Step) -> StepDraft:
    return StepDraft(
        id=step.step_id,
        prompt=step.prompt,
        model=step.model or (f"{TIER}{step.tier}" if step.tier else ""),
        temperature=f"{step.temperature:g}",
        max_tokens=str(step.max_tokens),
        output_schema=json.dumps(step.schema, indent=2, ensure_ascii=False) if step.schema else "",
    )


def draft_from(form: Form) -> Draft:
    """What was typed, whether or not it makes sense."""
    typed = form.text("steps")
    number = min(int(typed), MAX_STEPS) if typed.isascii() and typed.isdigit() and len(typed) < MAX_STEPS else 1
    return Draft(
        name=form.text("name"),
        description=form.text("description"),
        category=form.text("category"),
        is_public=form.text("is_public") == "1",
        steps=[_typed_step(form, index) for index in range(max(number, 1))],
        sample=form.text("sample"),
        version=form.text("version"),
    )


def _typed_step(form: Form, index: int) -> StepDraft:
    names = ("id", "prompt", "model", "temperature", "max_tokens", "output_schema")
    return StepDraft(**{name: form.text(f"step-{index}-{name}") for name in names})


def rearranged(draft: Draft, do: str) -> Draft:
    """After one of the buttons that add, remove or move a step; anything else changes nothing."""
    steps = list(draft.steps)
    action, _, typed = do.partition("-")
    at = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < MAX_STEPS else len(steps)
    if action == "add" and len(steps) < MAX_STEPS:
        steps.append(StepDraft())
    elif action == "remove" and at < len(steps) > 1:
        del steps[at]
    elif action == "up" and 0 < at < len(steps):
        steps[at - 1], steps[at] = steps[at], steps[at - 1]
    return replace(draft, steps=steps)


def definition_data(draft: Draft) -> dict[str, Any]:
    """What `parse_definition` reads. Raises Invalid for a schema that is no JSON."""
    faults: list[Fault] = []
    steps = [_step_data(step, f"steps[{index}]", faults) for index, step in enumerate(draft.steps)]
    if faults:
        raise Invalid("The template has faults.", faults)
    return {
        "name": draft.name,
        "description": draft.description,
        "category": draft.category,
        "is_public": draft.is_public,
        "steps": steps,
    }


def _step_data(step: StepDraft, place: str, faults: list[Fault]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": step.id.strip(),
        "prompt": step.prompt,
        "temperature": _number(step.temperature, float),
        "max_tokens": _number(step.max_tokens, int),
    }
    if step.model.startswith(TIER):
        data["model_tier"] = _number(step.model.removeprefix(TIER), int)
    elif step.model:
        data["model"] = step.model
    if step.output_schema.strip():
        try:
            data["output_schema"] = json.loads(step.output_schema)
        except ValueError as error:
            faults.append(Fault(f"{place}.output_schema", f"is not JSON: {error}"))
    return data


def _number(text: str, kind: type[int] | type[float]) -> object:
    """The number, or the text as it is, which the definition then finds at fault."""
    try:
        return kind(text)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class ShownVariable:
    name: str
    missing: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class ShownStep:
    """`output` is None unless a model was asked."""

    name: str
    hint: str
    prompt: str
    output: str | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview. `variables` is None when the template cannot be read yet."""

    variables: Sequence[ShownVariable] | None = None
    steps: Sequence[ShownStep] = ()
    faults: Sequence[Fault] = field(default_factory=tuple)


def shown_variables(variables: Variables, record: Mapping[str, Any] | None = None) -> list[ShownVariable]:
    required = [ShownVariable(name, record is not None and not has(record, name), False) for name in variables.required]
    return required + [ShownVariable(name, missing=False, optional=True) for name in variables.optional]


def shown_steps(tests: Iterable[StepTest]) -> list[ShownStep]:
    return [ShownStep(each.step_id, _hint(each), each.prompt, each.output, each.fault) for each in tests]


def _hint(test: StepTest) -> str:
    if test.output is None:
        return test.model
    tokens = count(test.input_tokens + test.output_tokens, "token")
    return f"{test.model} · {tokens} · {usd(test.cost)}"


@dataclass(frozen=True, slots=True)
class FormFault:
    """A fault with the field it is about, as a link; `anchor` is empty when there is none."""

    label: str
    anchor: str
    message: str


def form_faults(faults: Sequence[Fault], draft: Draft) -> list[FormFault]:
    return [_form_fault(each, len(draft.steps)) for each in faults]


def _form_fault(fault: Fault, steps: int) -> FormFault:
    place = fault.place
    if place.startswith("steps[") and "]" in place:
        number, _, rest = place.removeprefix("steps[").partition("]")
        name = rest.removeprefix(".").partition(".")[0].partition("[")[0]
        known = number.isdigit() and int(number) < steps
        label = f"Step {int(number) + 1}" if number.isdigit() else "Steps"
        words = name.replace("model_tier", "model").replace("_", " ")
        anchor = f"step-{number}-{name.replace('model_tier', 'model') or 'prompt'}" if known else ""
        return FormFault(f"{label}, {words}" if words else label, anchor, fault.message)
    anchors = {"name": "name", "description": "description", "category": "category", "seed record": "sample"}
    return FormFault(place.capitalize(), anchors.get(place, ""), fault.message)
