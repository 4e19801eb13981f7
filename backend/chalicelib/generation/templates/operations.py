"""What a caller can do with templates. One of another tenant that is not shared is NotFound."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from chalicelib.accounts.model import Caller
from chalicelib.generation.templates.definition import TemplateDefinition
from chalicelib.generation.templates.model import (
    Checked,
    Program,
    Section,
    StepTest,
    Template,
    TemplatePage,
    Version,
    VersionPage,
)
from chalicelib.wiring import Ports


class Scope(StrEnum):
    OWN = "own"
    """Of the caller's organisation."""
    SHARED = "shared"
    """Of others, who share them with everybody."""
    SYSTEM = "system"
    """That ship with the product."""


def create(ports: Ports, caller: Caller, definition: TemplateDefinition, *, template_id: str | None = None) -> Template:
    """Raises Invalid with all faults: of the definition, of its Jinja, of what it includes."""
    raise NotImplementedError


def check(ports: Ports, caller: Caller, definition: TemplateDefinition) -> Checked:
    """What saving it would find, without saving. Raises as `create` does."""
    raise NotImplementedError


def preview(
    ports: Ports,
    caller: Caller,
    definition: TemplateDefinition,
    records: Sequence[Mapping[str, Any]],
    *,
    outputs: Mapping[str, str] | None = None,
) -> list[list[StepTest]]:
    """The prompts of an unsaved template, for each record. Steps that read earlier ones get a placeholder as output."""
    raise NotImplementedError


def get_template(ports: Ports, caller: Caller, template_id: str) -> Template:
    raise NotImplementedError


def get_version(ports: Ports, caller: Caller, template_id: str, number: int | None = None) -> Version:
    """The current one without a number."""
    raise NotImplementedError


def list_templates(
    ports: Ports,
    caller: Caller,
    *,
    scope: Scope = Scope.OWN,
    text: str = "",
    category: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> TemplatePage:
    raise NotImplementedError


def list_versions(
    ports: Ports, caller: Caller, template_id: str, *, limit: int = 50, cursor: str | None = None
) -> VersionPage:
    raise NotImplementedError


def edit(
    ports: Ports,
    caller: Caller,
    template_id: str,
    definition: TemplateDefinition,
    *,
    expected_version: int | None = None,
) -> Template:
    """The next version. Raises PreconditionFailed when the current one is not `expected_version`."""
    raise NotImplementedError


def restore(ports: Ports, caller: Caller, template_id: str, number: int) -> Template:
    """The next version, with the content of an earlier one."""
    raise NotImplementedError


def diff(ports: Ports, caller: Caller, template_id: str, old: int, new: int) -> list[Section]:
    """Only what differs."""
    raise NotImplementedError


def share(ports: Ports, caller: Caller, template_id: str, *, is_public: bool) -> Template:
    raise NotImplementedError


def fork(
    ports: Ports, caller: Caller, template_id: str, *, number: int | None = None, new_id: str | None = None
) -> Template:
    """A copy of one's own, which remembers where it came from."""
    raise NotImplementedError


def export(ports: Ports, caller: Caller, template_id: str, number: int | None = None) -> str:
    """YAML that `definition.parse_yaml` reads again."""
    raise NotImplementedError


def delete(ports: Ports, caller: Caller, template_id: str) -> None:
    raise NotImplementedError


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
) -> list[StepTest]:
    """The prompts for one record; with `real`, what the models say, for at most `budget` micro-dollars."""
    raise NotImplementedError


def load_program(ports: Ports, tenant_id: str, template_id: str, number: int) -> tuple[Version, Program]:
    """What a run needs, read for a tenant: NotFound unless it may still read the template and all it includes."""
    raise NotImplementedError
