"""The templates that come with the product: read-only, and there for everybody."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from chalicelib.generation.templates.definition import parse_definition
from chalicelib.generation.templates.model import SYSTEM_TENANT, Template, Variables, Version

FOLDER = Path(__file__).with_name("system")
PREFIX = "system-"
AUTHOR = "Millrace"
SINCE = datetime(2026, 11, 20, tzinfo=UTC)


@cache
def shipped() -> Mapping[str, tuple[Template, Version]]:
    """By id, in the order of their names."""
    made = [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return {template.template_id: (template, version) for template, version in made}


def _read(path: Path) -> tuple[Template, Version]:
    data: dict[str, Any] = yaml.safe_load(path.read_text())
    told = data.pop("variables")
    variables = Variables(tuple(told["required"]), tuple(told.get("optional", ())))
    definition = parse_definition(data)
    template = Template(
        template_id=PREFIX + path.stem,
        tenant_id=SYSTEM_TENANT,
        name=definition.name,
        description=definition.description,
        category=definition.category,
        version=1,
        step_count=len(definition.steps),
        variables=variables,
        is_public=True,
        forked_from=None,
        created_at=SINCE,
        created_by=AUTHOR,
        updated_at=SINCE,
        updated_by=AUTHOR,
    )
    version = Version(
        template_id=template.template_id,
        number=1,
        name=definition.name,
        description=definition.description,
        category=definition.category,
        steps=definition.to_steps(),
        variables=variables,
        includes={},
        created_at=SINCE,
        created_by=AUTHOR,
    )
    return template, version
