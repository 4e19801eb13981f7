"""Templates, their versions, and what rendering is given and gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SYSTEM_TENANT = ""
"""Owner of the templates that ship with the product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One prompt. It names its `model`, or else a `tier` (1..3); with neither, the job's own is used.

    `schema` is the JSON schema its output has to match, if any.
    """

    step_id: str
    prompt: str
    model: str = ""
    tier: int = 0
    temperature: float = 0.7
    max_tokens: int = 1000
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Variables:
    """Names that prompts read from a record, nested ones with dots. `optional` ones have a default or are tested."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What a template was forked from."""

    template_id: str
    version: int
    name: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The prompt that an `include` stands for, for good."""

    template_id: str
    version: int
    step_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The head: what lists show. `version` is the current one. `revision` is its document's version."""

    template_id: str
    tenant_id: str
    name: str
    description: str
    category: str
    version: int
    step_count: int
    variables: Variables
    is_public: bool
    forked_from: Origin | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    revision: int = 0

    @property
    def is_system(self) -> bool:
        return self.tenant_id == SYSTEM_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """All of a template at one time; never changed. `note` says what made it, as `restored from version 2`."""

    template_id: str
    number: int
    name: str
    description: str
    category: str
    steps: tuple[Step, ...]
    variables: Variables
    includes: Mapping[str, Reference]
    created_at: datetime
    created_by: str
    note: str = ""

    def step(self, step_id: str) -> Step:
        return next(each for each in self.steps if each.step_id == step_id)


@dataclass(frozen=True, slots=True)
class Program:
    """The texts that rendering needs: the prompt of each step by its id, and what they include by its full name.

    `links` says what a name in an `include` means: in an included text (by its full name), or in the prompts (``).
    """

    prompts: Mapping[str, str]
    includes: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderItem:
    """One record. Dots in names of its fields make nested values. `outputs` are those of earlier steps, by step id."""

    record: Mapping[str, Any]
    seed: int
    outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt, or the `fault` that says why there is none."""

    prompt: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class TemplatePage:
    items: Sequence[Template]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Newest first, without their prompts."""

    items: Sequence["VersionLine"]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    number: int
    name: str
    step_count: int
    created_at: datetime
    created_by: str
    note: str


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a comparison: `tag` is ` ` (in both), `-` (gone) or `+` (new)."""

    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """What differs in one place: a field of the template (`name`), or of a step (`steps.draft.prompt`)."""

    place: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What saving would find: the variables, and what else there is to be told."""

    variables: Variables


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTest:
    """One step of a test. `output` is None unless real output was asked for; `cost` in micro-dollars."""

    step_id: str
    prompt: str
    model: str
    output: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    fault: str = ""
