"""Where templates live: `template#<id>` holds `head` and `version#000001`..., and an object each version's steps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson

from chalicelib.clock import from_text, to_text
from chalicelib.documents import (
    Absent,
    Condition,
    Delete,
    Document,
    Documents,
    Index,
    Key,
    Put,
    Range,
    VersionIs,
    Write,
)
from chalicelib.generation.templates.model import Origin, Reference, Step, Template, Variables, Version, VersionLine
from chalicelib.objects import AlreadyThere, Objects

HEAD = "head"
SHARED = "templates#shared"
_VERSIONS = Range(prefix="version#")
_NAME_KEPT = 200


def partition(template_id: str) -> str:
    return f"template#{template_id}"


def head_key(template_id: str) -> Key:
    return Key(partition(template_id), HEAD)


def version_key(template_id: str, number: int) -> Key:
    return Key(partition(template_id), f"version#{number:06d}")


def tenant_index(tenant_id: str) -> str:
    return f"templates#{tenant_id}"


def name_index(tenant_id: str) -> str:
    return f"templates#{tenant_id}#names"


def name_prefix(name: str) -> str:
    return f"{name.casefold()[:_NAME_KEPT]}#"


def objects_prefix(tenant_id: str, template_id: str) -> str:
    return f"templates/{tenant_id}/{template_id}/"


def steps_object(template: Template, number: int, content_id: str) -> str:
    """`content_id` keeps two who write one version at a time from each other's bytes."""
    return f"{objects_prefix(template.tenant_id, template.template_id)}{number:06d}-{content_id}.json"


def put_head(template: Template, *conditions: Condition) -> Put:
    changed = f"{to_text(template.updated_at)}#{template.template_id}"
    indexes = {
        Index.FIRST: Key(tenant_index(template.tenant_id), changed),
        Index.SECOND: Key(name_index(template.tenant_id), f"{name_prefix(template.name)}{template.template_id}"),
    }
    if template.is_public:
        indexes[Index.THIRD] = Key(SHARED, changed)
    body = asdict(template) | {
        "created_at": to_text(template.created_at),
        "updated_at": to_text(template.updated_at),
    }
    del body["revision"]
    return Put(head_key(template.template_id), body, conditions or (VersionIs(template.revision),), indexes)


def to_template(document: Document) -> Template:
    body = dict(document.body)
    body |= {
        "variables": _to_variables(body["variables"]),
        "forked_from": Origin(**body["forked_from"]) if body["forked_from"] else None,
        "created_at": from_text(body["created_at"]),
        "updated_at": from_text(body["updated_at"]),
    }
    return Template(**body, revision=document.version)


def get_template(documents: Documents, template_id: str) -> Template | None:
    found = documents.get(head_key(template_id)) if template_id.isalnum() and len(template_id) <= _NAME_KEPT else None
    return to_template(found) if found else None


def named(documents: Documents, tenant_id: str, name: str) -> list[Template]:
    """Those of a tenant with this name, whatever its case."""
    page = documents.query_index(Index.SECOND, name_index(tenant_id), Range(prefix=name_prefix(name)), limit=10)
    found = map(to_template, page.items)
    return [each for each in found if each.name.casefold() == name.casefold()]


def put_version(version: Version, steps: str) -> Put:
    """`steps` is the object that holds them: ten long prompts are more than a document takes."""
    body = asdict(replace(version, steps=())) | {"created_at": to_text(version.created_at)}
    body |= {"steps": steps, "step_count": len(version.steps)}
    return Put(version_key(version.template_id, version.number), body, [Absent()])


def write_steps(objects: Objects, key: str, steps: Sequence[Step]) -> None:
    try:
        objects.put(key, orjson.dumps([asdict(each) for each in steps]))
    except AlreadyThere:
        # The same request once more: what it writes is the same.
        return


def get_version(documents: Documents, objects: Objects, template_id: str, number: int) -> Version | None:
    found = documents.get(version_key(template_id, number))
    if found is None:
        return None
    body = {name: value for name, value in found.body.items() if name != "step_count"}
    body |= {
        "steps": tuple(Step(**each) for each in orjson.loads(objects.get(body["steps"]))),
        "variables": _to_variables(body["variables"]),
        "includes": {name: Reference(**each) for name, each in body["includes"].items()},
        "created_at": from_text(body["created_at"]),
    }
    return Version(**body)


def version_lines(
    documents: Documents, template_id: str, *, limit: int, cursor: str | None
) -> tuple[list[VersionLine], str | None]:
    page = documents.query(partition(template_id), _VERSIONS, limit=limit, cursor=cursor, descending=True)
    return [_to_line(each.body) for each in page.items], page.cursor


def removal(documents: Documents, template: Template) -> list[list[Write]]:
    """The head first, in a transaction of its own, so that a crash leaves nothing that can be seen."""
    writes: list[list[Write]] = [[Delete(head_key(template.template_id), [VersionIs(template.revision)])]]
    cursor = None
    while True:
        page = documents.query(partition(template.template_id), _VERSIONS, limit=100, cursor=cursor)
        if page.items:
            writes.append([Delete(each.key) for each in page.items])
        cursor = page.cursor
        if cursor is None:
            return writes


def _to_line(body: Mapping[str, Any]) -> VersionLine:
    return VersionLine(
        number=body["number"],
        name=body["name"],
        step_count=body["step_count"],
        created_at=from_text(body["created_at"]),
        created_by=body["created_by"],
        note=body["note"],
    )


def _to_variables(body: Mapping[str, Any]) -> Variables:
    return Variables(tuple(body["required"]), tuple(body["optional"]))
