"""Templates over REST."""

from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input, Query
from chalicelib.errors import Invalid, NotFound
from chalicelib.exchange import JSON, Answer, Request, dump, json_answer, no_content, text_answer
from chalicelib.generation.templates import operations
from chalicelib.generation.templates.definition import TemplateDefinition, parse_yaml
from chalicelib.generation.templates.model import Template
from chalicelib.generation.templates.operations import Scope
from chalicelib.generation.templates.shapes import (
    DiffJson,
    TemplatePageJson,
    TemplateWithStepsJson,
    TriedJson,
    VariablesJson,
    VersionJson,
    VersionPageJson,
    line_json,
    section_json,
    template_json,
    tried_json,
    variables_json,
    version_json,
    with_steps,
)
from chalicelib.rest import Blueprint, Body, check_match, json_body, next_link

templates = Blueprint(__name__, group="Templates")

YAML = "application/yaml"
EXAMPLE = {
    "name": "Two lines about a product",
    "steps": [
        {"id": "draft", "prompt": "Describe {{ name }} in a paragraph.", "model_tier": 1, "max_tokens": 200},
        {"id": "short", "prompt": "Say this in two lines: {{ steps.draft.output }}", "model_tier": 1},
    ],
}
LINK = {"Link": 'Address of the next page (`rel="next"`), when there is one.'}
MILLION = 1_000_000

Limit = Annotated[int, Field(ge=1, le=100, description="Most items on a page.")]
Cursor = Annotated[str, Field(max_length=2000)] | SkipJsonSchema[None]
Number = Annotated[int, Field(ge=1, le=999_999)]
Seed = Annotated[int, Field(ge=0, le=2**53)]


class TemplateListQuery(Query):
    scope: Annotated[Scope, Field(description="own, shared by anybody, or system: those that ship.")] = Scope.OWN
    text: Annotated[str, Field(max_length=200)] | SkipJsonSchema[None] = Field(
        None, description="Part of its name, description, category or id."
    )
    category: Annotated[str, Field(max_length=200)] | SkipJsonSchema[None] = None
    limit: Limit = 50
    cursor: Cursor = Field(None, description="`cursor` of the page before.")


class VersionListQuery(Query):
    limit: Limit = 50
    cursor: Cursor = Field(None, description="`cursor` of the page before.")


class VersionQuery(Query):
    version: Number | SkipJsonSchema[None] = Field(None, description="The current one when left out.")


class DiffQuery(Query):
    old: Number
    new: Number


class Sharing(Input):
    is_public: bool = Field(description="true: everybody may read, run, include and fork it, with all its versions.")


class Restoring(Input):
    version: Number


class Forking(Input):
    version: Number | None = Field(None, description="The current one when left out.")


class Trying(Input):
    record: dict[str, Any] = Field(default_factory=dict, description="A record, as seed data would give it.")
    version: Number | None = Field(None, description="The current one when left out.")
    seed: Seed = Field(0, description="What looks random depends on it alone.")
    real: bool = Field(False, description="true: ask the models too, and pay for it.")
    budget: float = Field(0, ge=0, le=10, strict=False, description="USD that the models may cost at most.")


class Previewing(Input):
    template: TemplateDefinition
    records: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10)]
    outputs: dict[str, Any] = Field(default_factory=dict, description="Outputs of steps by id; others are made up.")
    seed: Seed = 0


def _read_yaml(body: bytes) -> TemplateDefinition:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8.") from None
    return parse_yaml(text)


@templates.api(
    "POST",
    "/api/templates",
    permission=Permission.TEMPLATES_WRITE,
    summary="Make a template",
    details="All faults are answered at once, those in prompts with their lines.",
    body=json_body(TemplateDefinition, example=EXAMPLE),
    answers={201: TemplateWithStepsJson},
    errors=(403,),
    headers={"Location": "Address of the template."},
)
def create(request: Request, body: TemplateDefinition) -> Answer:
    return _made(request, operations.create(request.ports, request.caller, body, template_id=request.new_id()))


@templates.api(
    "GET",
    "/api/templates",
    permission=Permission.TEMPLATES_READ,
    summary="List templates",
    details="Last changed first.",
    query=TemplateListQuery,
    answers={200: TemplatePageJson},
    headers=LINK,
)
def list_templates(request: Request, query: TemplateListQuery) -> Answer:
    page = operations.list_templates(
        request.ports,
        request.caller,
        scope=query.scope,
        text=query.text or "",
        category=query.category or "",
        limit=query.limit,
        cursor=query.cursor,
    )
    items = [template_json(each, request.caller.tenant_id) for each in page.items]
    return json_answer({"items": items, "cursor": page.cursor}, headers=next_link(request, page.cursor))


@templates.api(
    "POST",
    "/api/templates/import",
    permission=Permission.TEMPLATES_WRITE,
    summary="Make a template from YAML",
    details="As it was exported.",
    body=Body(TemplateDefinition, {YAML: _read_yaml}, examples={"example": EXAMPLE}),
    answers={201: TemplateWithStepsJson},
    errors=(403,),
    headers={"Location": "Address of the template."},
)
def import_template(request: Request, body: TemplateDefinition) -> Answer:
    return _made(request, operations.create(request.ports, request.caller, body, template_id=request.new_id()))


@templates.api(
    "POST",
    "/api/templates/check",
    permission=Permission.TEMPLATES_READ,
    summary="Find a template's variables without saving it",
    body=json_body(TemplateDefinition, example=EXAMPLE),
    answers={200: VariablesJson},
)
def check(request: Request, body: TemplateDefinition) -> Answer:
    return json_answer(variables_json(operations.check(request.ports, request.caller, body).variables))


@templates.api(
    "POST",
    "/api/templates/preview",
    permission=Permission.TEMPLATES_READ,
    summary="See the prompts of a template without saving it",
    details="One item for each record. Outputs that later steps read are made up unless given.",
    body=json_body(Previewing, example={"template": EXAMPLE, "records": [{"name": "A blue kettle"}]}),
    answers={200: list[TriedJson]},
)
def preview(request: Request, body: Previewing) -> Answer:
    tests = operations.preview(
        request.ports, request.caller, body.template, body.records, outputs=body.outputs, seed=body.seed
    )
    return json_answer([tried_json(each) for each in tests])


@templates.api(
    "GET",
    "/api/templates/{template_id}",
    permission=Permission.TEMPLATES_READ,
    summary="See a template with its steps",
    answers={200: TemplateWithStepsJson},
)
def get_template(request: Request, template_id: str) -> Answer:
    return Answer(_whole(request, template_id), 200, {"Content-Type": JSON})


@templates.api(
    "PUT",
    "/api/templates/{template_id}",
    permission=Permission.TEMPLATES_WRITE,
    summary="Make a template's next version",
    details="With If-Match, only if it still is what you read. What differs in nothing makes no version.",
    body=json_body(TemplateDefinition, example=EXAMPLE),
    answers={200: TemplateWithStepsJson},
    errors=(403, 412),
)
def edit(request: Request, template_id: str, body: TemplateDefinition) -> Answer:
    check_match(request, lambda: _whole(request, template_id))
    return _answer(request, operations.edit(request.ports, request.caller, template_id, body))


@templates.api(
    "PATCH",
    "/api/templates/{template_id}",
    permission=Permission.TEMPLATES_WRITE,
    summary="Share a template, or stop sharing it",
    details="It makes no version. With If-Match, only if it still is what you read.",
    body=json_body(Sharing),
    answers={200: TemplateWithStepsJson},
    errors=(403, 412),
)
def share(request: Request, template_id: str, body: Sharing) -> Answer:
    check_match(request, lambda: _whole(request, template_id))
    made = operations.share(request.ports, request.caller, template_id, is_public=body.is_public)
    return _answer(request, made)


@templates.api(
    "DELETE",
    "/api/templates/{template_id}",
    permission=Permission.TEMPLATES_WRITE,
    summary="Delete a template with all its versions",
    details="Jobs that were submitted with it go on.",
    answers={204: None},
    errors=(403, 412),
)
def delete_template(request: Request, template_id: str) -> Answer:
    check_match(request, lambda: _whole(request, template_id))
    operations.delete(request.ports, request.caller, template_id)
    return no_content()


@templates.api(
    "GET",
    "/api/templates/{template_id}/versions",
    permission=Permission.TEMPLATES_READ,
    summary="List a template's versions",
    details="Newest first.",
    query=VersionListQuery,
    answers={200: VersionPageJson},
    headers=LINK,
)
def list_versions(request: Request, template_id: str, query: VersionListQuery) -> Answer:
    template = operations.get_template(request.ports, request.caller, template_id)
    page = operations.list_versions(request.ports, request.caller, template_id, limit=query.limit, cursor=query.cursor)
    items = [line_json(template, each, request.caller.tenant_id) for each in page.items]
    return json_answer({"items": items, "cursor": page.cursor}, headers=next_link(request, page.cursor))


@templates.api(
    "GET",
    "/api/templates/{template_id}/versions/{version}",
    permission=Permission.TEMPLATES_READ,
    summary="See one version of a template",
    answers={200: VersionJson},
)
def get_version(request: Request, template_id: str, version: str) -> Answer:
    template = operations.get_template(request.ports, request.caller, template_id)
    found = operations.get_version(request.ports, request.caller, template_id, _number(version))
    return json_answer(version_json(template, found, request.caller.tenant_id))


@templates.api(
    "GET",
    "/api/templates/{template_id}/diff",
    permission=Permission.TEMPLATES_READ,
    summary="Compare two versions of a template",
    query=DiffQuery,
    answers={200: DiffJson},
)
def diff(request: Request, template_id: str, query: DiffQuery) -> Answer:
    sections = operations.diff(request.ports, request.caller, template_id, query.old, query.new)
    return json_answer({"old": query.old, "new": query.new, "sections": [section_json(each) for each in sections]})


@templates.api(
    "POST",
    "/api/templates/{template_id}/restore",
    permission=Permission.TEMPLATES_WRITE,
    summary="Make an earlier version the next one",
    body=json_body(Restoring, example={"version": 1}),
    answers={200: TemplateWithStepsJson},
    errors=(403, 409, 412),
)
def restore(request: Request, template_id: str, body: Restoring) -> Answer:
    check_match(request, lambda: _whole(request, template_id))
    return _answer(request, operations.restore(request.ports, request.caller, template_id, body.version))


@templates.api(
    "POST",
    "/api/templates/{template_id}/fork",
    permission=Permission.TEMPLATES_WRITE,
    summary="Copy a template",
    details="The copy is yours, and remembers where it came from.",
    body=json_body(Forking, required=False),
    answers={201: TemplateWithStepsJson},
    errors=(403,),
    headers={"Location": "Address of the copy."},
)
def fork(request: Request, template_id: str, body: Forking) -> Answer:
    made = operations.fork(request.ports, request.caller, template_id, number=body.version, new_id=request.new_id())
    return _made(request, made)


@templates.api(
    "GET",
    "/api/templates/{template_id}/export",
    permission=Permission.TEMPLATES_READ,
    summary="Get a template as YAML",
    details="What it includes is named in it, not contained.",
    query=VersionQuery,
    answers={200: str},
    media_type=YAML,
)
def export(request: Request, template_id: str, query: VersionQuery) -> Answer:
    text = operations.export(request.ports, request.caller, template_id, query.version)
    return text_answer(text.encode(), {"Content-Type": YAML})


@templates.api(
    "POST",
    "/api/templates/{template_id}/test",
    permission=Permission.TEMPLATES_READ,
    summary="Try a template on a record",
    details="Answers with the prompts and, with `real`, with what the models say to them. A call whose worst case is "
    "more than what is left of the budget is not made (409).",
    body=json_body(Trying, example={"record": {"name": "A blue kettle"}}),
    answers={200: TriedJson},
    errors=(403, 409, 422, 429, 503),
)
def try_out(request: Request, template_id: str, body: Trying) -> Answer:
    tests = operations.try_out(
        request.ports,
        request.caller,
        template_id,
        body.record,
        number=body.version,
        seed=body.seed,
        real=body.real,
        budget=round(body.budget * MILLION),
    )
    return json_answer(tried_json(tests))


def _made(request: Request, template: Template) -> Answer:
    answer = _answer(request, template)
    answer.status = 201
    answer.headers["Location"] = f"{request.base}/api/templates/{template.template_id}"
    return answer


def _answer(request: Request, template: Template) -> Answer:
    version = operations.get_version(request.ports, request.caller, template.template_id, template.version)
    return json_answer(with_steps(template, version, request.caller.tenant_id))


def _whole(request: Request, template_id: str) -> bytes:
    template = operations.get_template(request.ports, request.caller, template_id)
    version = operations.get_version(request.ports, request.caller, template_id, template.version)
    return dump(with_steps(template, version, request.caller.tenant_id))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 6):  # noqa: PLR2004 - more is no version
        raise NotFound(f"There is no version {text[:20]}.")
    return int(text)
