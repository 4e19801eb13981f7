"""Lists of templates, and finding one in them."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.documents import Index
from chalicelib.generation.templates import store
from chalicelib.generation.templates.model import Template, TemplatePage, Version, VersionLine
from chalicelib.generation.templates.shipped import shipped
from chalicelib.wiring import Ports

LOOKED_AT = 1000
"""Templates that one page of a search looks at; its cursor leads on."""


class Scope(StrEnum):
    OWN = "own"
    """Of the caller's organisation."""
    SHARED = "shared"
    """Of anybody, who shares them with everybody."""
    SYSTEM = "system"
    """That ship with the product."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`text` and `category` are casefolded; empty ones match all."""

    tenant_id: str
    scope: Scope
    text: str
    category: str

    def matches(self, template: Template) -> bool:
        if self.category and template.category.casefold() != self.category:
            return False
        told = (template.name, template.description, template.category, template.template_id)
        return not self.text or any(self.text in each.casefold() for each in told)


def list_templates(ports: Ports, wanted: Wanted, *, limit: int, cursor: str | None) -> TemplatePage:
    if wanted.scope is Scope.SYSTEM:
        return TemplatePage([each for each, _ in shipped().values() if wanted.matches(each)], None)
    index, partition = Index.FIRST, store.tenant_index(wanted.tenant_id)
    if wanted.scope is Scope.SHARED:
        index, partition = Index.THIRD, store.SHARED
    found: list[Template] = []
    looked_at = 0
    while True:
        # No more than are still wanted, so that the cursor stands behind the last one shown.
        page = ports.documents.query_index(index, partition, limit=limit - len(found), cursor=cursor, descending=True)
        found += [each for each in map(store.to_template, page.items) if wanted.matches(each)]
        cursor = page.cursor
        looked_at += len(page.items)
        if cursor is None or len(found) == limit or looked_at >= LOOKED_AT:
            return TemplatePage(found, cursor)


def line_of(version: Version) -> VersionLine:
    return VersionLine(
        number=version.number,
        name=version.name,
        step_count=len(version.steps),
        created_at=version.created_at,
        created_by=version.created_by,
        note=version.note,
    )
