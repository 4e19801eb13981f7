"""What a caller writes for a template, checked in full before anything is stored."""

import re
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, field_validator, model_validator

from chalicelib.errors import Invalid
from chalicelib.generation.templates.model import Step, Version
from chalicelib.generation.templates.schemas import fault_of
from chalicelib.validation import parse
from chalicelib.yamltext import read_yaml

MAX_STEPS = 10
LONGEST_PROMPT = 50_000
MAX_TEXT = 5_000_000
_STEP_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
_Line = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Tier = Literal[1, 2, 3]


class _Input(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class StepDefinition(_Input):
    """One prompt."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=50)] = Field(
        description="Letters, digits and _; later steps read its output as `steps.<id>.output`."
    )
    prompt: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PROMPT)] = Field(
        description="Jinja. A record's fields are its variables."
    )
    model: Annotated[_Line, Field(min_length=1)] | None = Field(None, description="As `offline/small`.")
    model_tier: Tier | None = Field(None, description="1 is the smallest. The job's own when no model is named either.")
    temperature: Annotated[float, Field(ge=0, le=2, strict=False)] = 0.7
    max_tokens: Annotated[int, Field(ge=1, le=100_000)] = Field(1000, description="Most tokens of its output.")
    output_schema: dict[str, Any] | None = Field(None, description="JSON schema that its output has to match.")

    @field_validator("id")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not _STEP_ID.fullmatch(value):
            raise ValueError("may hold letters, digits and _, starting with a letter")
        return value

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        return value

    @field_validator("output_schema")
    @classmethod
    def _usable(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and (fault := fault_of(value)):
            raise ValueError(fault)
        return value

    @model_validator(mode="after")
    def _one_model(self) -> "StepDefinition":
        if self.model is not None and self.model_tier is not None:
            raise ValueError("names a model and a model_tier; give one of them")
        return self

    def to_step(self) -> Step:
        return Step(
            step_id=self.id,
            prompt=self.prompt,
            model=self.model or "",
            tier=self.model_tier or 0,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            schema=self.output_schema,
        )


class TemplateDefinition(_Input):
    """A template as submitted."""

    name: _Name = Field(description="1 to 200 characters.")
    description: Annotated[str, StringConstraints(max_length=5000)] = ""
    category: _Line = ""
    steps: Annotated[list[StepDefinition], Field(min_length=1, max_length=MAX_STEPS)]
    is_public: bool | None = Field(
        None, description="Shared with everybody, with all its versions. As it is, or not, when left out."
    )

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must not hold control characters")
        return value

    @field_validator("steps")
    @classmethod
    def _once_each(cls, value: list[StepDefinition]) -> list[StepDefinition]:
        names = [each.id for each in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"use an id twice: {', '.join(twice)}")
        return value

    def to_steps(self) -> tuple[Step, ...]:
        return tuple(each.to_step() for each in self.steps)


_DEFINITION = TypeAdapter(TemplateDefinition)


def parse_definition(data: object) -> TemplateDefinition:
    """Raises Invalid with every fault and its place."""
    return parse(_DEFINITION, data, what="The template")


def parse_yaml(text: str) -> TemplateDefinition:
    """A template from YAML (or JSON). Raises Invalid with every fault and its place."""
    if len(text) > MAX_TEXT:
        raise Invalid(f"The template is longer than {MAX_TEXT:,} characters.")
    return parse_definition(read_yaml(text))


def to_yaml(version: Version) -> str:
    """What `parse_yaml` reads as the same template. What it includes is named, not contained."""
    told = {"name": version.name, "description": version.description, "category": version.category}
    data = {
        **{name: text for name, text in told.items() if text},
        "steps": [_step_data(each) for each in version.steps],
    }
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _step_data(step: Step) -> dict[str, Any]:
    data: dict[str, Any] = {"id": step.step_id, "prompt": step.prompt}
    if step.model:
        data["model"] = step.model
    if step.tier:
        data["model_tier"] = step.tier
    data |= {"temperature": step.temperature, "max_tokens": step.max_tokens}
    return data if step.schema is None else {**data, "output_schema": dict(step.schema)}


class _Dumper(yaml.SafeDumper):
    """Long texts as people would write them."""

    def represent_text(self, text: str) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _Dumper.represent_text)
