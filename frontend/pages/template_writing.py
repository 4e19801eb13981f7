"""Writing templates: new ones, next versions, and such as others exported."""

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Fault, Invalid, MillraceError, PreconditionFailed
from chalicelib.exchange import Answer
from chalicelib.generation.templates import operations
from chalicelib.generation.templates.definition import parse_definition, parse_yaml
from chalicelib.generation.templates.model import Template
from frontend.door import PagesDoor
from frontend.pages.models import model_choices
from frontend.pages.templates import categories, read_number
from frontend.views import samples
from frontend.views import template as views
from frontend.visit import Pages, Visit

writing = Pages(__name__, PagesDoor())


@writing.page("/templates/new", permission=Permission.TEMPLATES_WRITE)
def new_template(visit: Visit) -> Answer:
    return _form(visit, views.STARTER)


@writing.page("/templates/new", methods=("POST",), permission=Permission.TEMPLATES_WRITE)
def create(visit: Visit) -> Answer:
    draft = views.draft_from(visit.form)
    if not _saves(visit):
        return _form(visit, views.rearranged(draft, visit.form.text("do")))
    try:
        definition = parse_definition(views.definition_data(draft))
        made = operations.create(visit.ports, visit.caller, definition)
    except Invalid as error:
        return _form(visit, draft, error=error)
    return visit.go_to(f"/templates/{made.template_id}", did="template-made")


@writing.page("/templates/import", permission=Permission.TEMPLATES_WRITE)
def import_form(visit: Visit) -> Answer:
    return _import_page(visit, "")


@writing.page("/templates/import", methods=("POST",), permission=Permission.TEMPLATES_WRITE)
def import_template(visit: Visit) -> Answer:
    text = visit.form.text("file") or visit.form.text("text")
    try:
        made = operations.create(visit.ports, visit.caller, parse_yaml(text))
    except Invalid as error:
        return _import_page(visit, text, error)
    return visit.go_to(f"/templates/{made.template_id}", did="template-made")


def _import_page(visit: Visit, text: str, error: Invalid | None = None) -> Answer:
    status = 400 if error else 200
    return visit.page(
        "template_import.html",
        status=status,
        text=text,
        fault=error.detail if error else "",
        faults=error.faults if error else (),
    )


@writing.page("/templates/{template_id}/edit", permission=Permission.TEMPLATES_WRITE)
def edit_form(visit: Visit, template_id: str) -> Answer:
    found = operations.get_template(visit.ports, visit.caller, template_id)
    version = operations.get_version(visit.ports, visit.caller, template_id)
    return _form(visit, views.draft_of(version, is_public=found.is_public), template=found)


@writing.page("/templates/{template_id}/edit", methods=("POST",), permission=Permission.TEMPLATES_WRITE)
def edit(visit: Visit, template_id: str) -> Answer:
    found = operations.get_template(visit.ports, visit.caller, template_id)
    draft = views.draft_from(visit.form)
    if not _saves(visit):
        return _form(visit, views.rearranged(draft, visit.form.text("do")), template=found)
    try:
        definition = parse_definition(views.definition_data(draft))
        expected = read_number(draft.version)
        operations.edit(visit.ports, visit.caller, template_id, definition, expected_version=expected)
    except (Invalid, PreconditionFailed) as error:
        return _form(visit, draft, template=found, error=error)
    return visit.go_to(f"/templates/{template_id}", did="template-saved")


def _saves(visit: Visit) -> bool:
    return visit.form.text("do") in ("", "save")


def _form(
    visit: Visit, draft: views.Draft, *, template: Template | None = None, error: MillraceError | None = None
) -> Answer:
    return visit.page(
        "template_edit.html",
        status=error.status if error else 200,
        draft=draft,
        template_url=visit.url(f"/templates/{template.template_id}") if template else "",
        action=visit.url(f"/templates/{template.template_id}/edit" if template else "/templates/new"),
        faults=views.form_faults(error.faults, draft) if isinstance(error, Invalid) else [],
        fault=_advice(error),
        categories=categories(visit),
        models=model_choices(visit),
        shown=_preview(visit, draft),
        filters=views.FILTERS,
        words=_words(template),
    )


def _advice(error: MillraceError | None) -> str:
    if isinstance(error, PreconditionFailed):
        return "Somebody saved another version meanwhile. Copy what you wrote, open it again, and put the two together."
    return error.detail if error else ""


def _words(template: Template | None) -> dict[str, str]:
    if template is None:
        lead = "Write a prompt; what stands in double braces comes from your seed data."
        return {"heading": "New template", "button": "Save the template", "lead": lead}
    lead = f"Saving makes version {template.version + 1}; version {template.version} stays as it is."
    return {"heading": f"Edit {template.name}", "button": "Save as a new version", "lead": lead}


def _preview(visit: Visit, draft: views.Draft) -> views.Shown:
    """What saving would find, and the prompts for the seed record beside it."""
    try:
        record = samples.record_of(draft.sample)
        definition = parse_definition({**views.definition_data(draft), "name": draft.name or "Unnamed"})
        variables = operations.check(visit.ports, visit.caller, definition).variables
        (tests,) = operations.preview(visit.ports, visit.caller, definition, [samples.filled(record, variables)])
    except Invalid as error:
        return views.Shown(faults=error.faults or (Fault("", error.detail),))
    return views.Shown(views.shown_variables(variables, record), views.shown_steps(tests))
