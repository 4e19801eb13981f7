"""Templates as the API shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from chalicelib.generation.templates.model import Section, Step, StepTest, Template, Variables, Version, VersionLine


class VariablesJson(TypedDict):
    """Fields of a record that the prompts read, nested ones with dots. Optional ones have a default or are tested."""

    required: list[str]
    optional: list[str]


class OriginJson(TypedDict):
    template_id: str
    version: int
    name: str


class TemplateJson(TypedDict):
    """`mine` is whether you may change it; others are to be forked."""

    template_id: str
    name: str
    description: str
    category: str
    version: int
    step_count: int
    variables: VariablesJson
    is_public: bool
    is_system: bool
    mine: bool
    forked_from: OriginJson | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


class StepJson(TypedDict):
    id: str
    prompt: str
    model: str | None
    model_tier: int | None
    temperature: float
    max_tokens: int
    output_schema: Mapping[str, Any] | None


class TemplateWithStepsJson(TemplateJson):
    steps: list[StepJson]


class TemplatePageJson(TypedDict):
    """`cursor` continues the list, and is null on its last page; a search may show few items and a cursor all the
    same."""

    items: list[TemplateJson]
    cursor: str | None


class VersionJson(TypedDict):
    """`note` says what made it, as `restored from version 2`."""

    version: int
    name: str
    description: str
    category: str
    variables: VariablesJson
    steps: list[StepJson]
    created_at: datetime
    created_by: str
    note: str


class VersionLineJson(TypedDict):
    version: int
    name: str
    step_count: int
    created_at: datetime
    created_by: str
    note: str


class VersionPageJson(TypedDict):
    items: list[VersionLineJson]
    cursor: str | None


class LineJson(TypedDict):
    """`tag` is a space (in both), `-` (only in the old one) or `+` (only in the new one)."""

    tag: str
    text: str


class SectionJson(TypedDict):
    """What differs in one place, as `steps.draft.prompt`."""

    place: str
    lines: list[LineJson]


class DiffJson(TypedDict):
    """Nothing in `sections` when nothing differs."""

    old: int
    new: int
    sections: list[SectionJson]


class StepTestJson(TypedDict):
    """`fault` says why there is no prompt. `output` is null unless real output was asked for; `cost` in
    micro-dollars."""

    step_id: str
    prompt: str
    model: str
    output: str | None
    input_tokens: int
    output_tokens: int
    cost: int
    fault: str


class TriedJson(TypedDict):
    """`cost` of all steps, in micro-dollars."""

    steps: list[StepTestJson]
    cost: int


def template_json(template: Template, tenant_id: str) -> TemplateJson:
    origin = template.forked_from
    return {
        "template_id": template.template_id,
        "name": template.name,
        "description": template.description,
        "category": template.category,
        "version": template.version,
        "step_count": template.step_count,
        "variables": variables_json(template.variables),
        "is_public": template.is_public,
        "is_system": template.is_system,
        "mine": template.tenant_id == tenant_id,
        "forked_from": {"template_id": origin.template_id, "version": origin.version, "name": origin.name}
        if origin
        else None,
        "created_at": template.created_at,
        "created_by": _who(template, template.created_by, tenant_id),
        "updated_at": template.updated_at,
        "updated_by": _who(template, template.updated_by, tenant_id),
    }


def _who(template: Template, email: str, tenant_id: str) -> str:
    """Addresses of people are for their own organisation only."""
    return email if template.is_system or template.tenant_id == tenant_id else ""


def with_steps(template: Template, version: Version, tenant_id: str) -> TemplateWithStepsJson:
    return {**template_json(template, tenant_id), "steps": [step_json(each) for each in version.steps]}


def step_json(step: Step) -> StepJson:
    return {
        "id": step.step_id,
        "prompt": step.prompt,
        "model": step.model or None,
        "model_tier": step.tier or None,
        "temperature": step.temperature,
        "max_tokens": step.max_tokens,
        "output_schema": step.schema,
    }


def version_json(template: Template, version: Version, tenant_id: str) -> VersionJson:
    return {
        "version": version.number,
        "name": version.name,
        "description": version.description,
        "category": version.category,
        "variables": variables_json(version.variables),
        "steps": [step_json(each) for each in version.steps],
        "created_at": version.created_at,
        "created_by": _who(template, version.created_by, tenant_id),
        "note": version.note,
    }


def line_json(template: Template, line: VersionLine, tenant_id: str) -> VersionLineJson:
    return {
        "version": line.number,
        "name": line.name,
        "step_count": line.step_count,
        "created_at": line.created_at,
        "created_by": _who(template, line.created_by, tenant_id),
        "note": line.note,
    }


def variables_json(variables: Variables) -> VariablesJson:
    return {"required": list(variables.required), "optional": list(variables.optional)}


def section_json(section: Section) -> SectionJson:
    return {"place": section.place, "lines": [{"tag": each.tag, "text": each.text} for each in section.parts]}


def tried_json(tests: list[StepTest]) -> TriedJson:
    return {"steps": [_step_test(each) for each in tests], "cost": sum(each.cost for each in tests)}


def _step_test(test: StepTest) -> StepTestJson:
    return {
        "step_id": test.step_id,
        "prompt": test.prompt,
        "model": test.model,
        "output": test.output,
        "input_tokens": test.input_tokens,
        "output_tokens": test.output_tokens,
        "cost": test.cost,
        "fault": test.fault,
    }
