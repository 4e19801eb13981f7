"""Templates: finding, trying, sharing and keeping them."""

from collections.abc import Sequence

from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import Invalid, NotFound
from chalicelib.exchange import Answer, text_answer
from chalicelib.generation.templates import operations
from chalicelib.generation.templates.model import StepTest, Template, TemplatePage
from chalicelib.generation.templates.operations import Scope
from frontend.door import PagesDoor
from frontend.views import samples
from frontend.views import template as views
from frontend.views.diff import differences
from frontend.views.money import micro_of, usd
from frontend.visit import Pages, Visit

templates = Pages(__name__, PagesDoor())

PAGE = 60
GLANCE = 12
"""Templates of each origin on the page that shows all."""
SCOPES = (
    ("", "Anywhere"),
    (Scope.OWN, "My organisation"),
    (Scope.SYSTEM, "Millrace"),
    (Scope.SHARED, "Others, shared"),
)
LONGEST_NUMBER = 9


@templates.page("/templates", permission=Permission.TEMPLATES_READ)
def browse(visit: Visit) -> Answer:
    given = {name: visit.request.first(name) for name in ("text", "category", "scope")}
    wanted = [each for each in Scope if given["scope"] in ("", each.value)]
    pages = [_found(visit, scope, given, alone=len(wanted) == 1) for scope in wanted]
    cards = [views.card(each, visit.caller) for page in pages for each in page.items]
    cursor = pages[0].cursor if len(pages) == 1 else None
    return visit.page(
        "templates.html",
        cards=cards,
        filters=given,
        filtered=any(given.values()),
        categories=categories(visit),
        scopes=SCOPES,
        next_url=visit.url("/templates", **given, cursor=cursor) if cursor else "",
    )


def _found(visit: Visit, scope: Scope, given: dict[str, str], *, alone: bool) -> TemplatePage:
    return operations.list_templates(
        visit.ports,
        visit.caller,
        scope=scope,
        text=given["text"].strip()[:200],
        category=given["category"],
        limit=PAGE if alone else GLANCE,
        cursor=(visit.request.first("cursor") or None) if alone else None,
    )


def categories(visit: Visit) -> list[str]:
    """Those that the templates one sees first are in."""
    pages = [operations.list_templates(visit.ports, visit.caller, scope=scope, limit=PAGE) for scope in Scope]
    return sorted({each.category for page in pages for each in page.items if each.category}, key=str.casefold)


@templates.page("/templates/{template_id}", permission=Permission.TEMPLATES_READ)
def template_view(visit: Visit, template_id: str) -> Answer:
    found = operations.get_template(visit.ports, visit.caller, template_id)
    version = operations.get_version(visit.ports, visit.caller, template_id, _number(visit, "version"))
    lines = operations.list_versions(visit.ports, visit.caller, template_id, limit=5)
    return visit.page(
        "template.html",
        template=found,
        version=version,
        path=f"/templates/{template_id}",
        origin=views.origin_of(found, visit.caller),
        mine=_mine(visit, found),
        writes=may(visit.caller, Permission.TEMPLATES_WRITE),
        variables=views.shown_variables(version.variables),
        lines=lines.items,
        more_versions=lines.cursor is not None,
    )


@templates.page("/templates/{template_id}/versions", permission=Permission.TEMPLATES_READ)
def versions(visit: Visit, template_id: str) -> Answer:
    found = operations.get_template(visit.ports, visit.caller, template_id)
    page = operations.list_versions(
        visit.ports, visit.caller, template_id, cursor=visit.request.first("cursor") or None
    )
    older, newer = sorted((_number(visit, "from") or 0, _number(visit, "to") or 0))
    sections = operations.diff(visit.ports, visit.caller, template_id, older, newer) if older else []
    path = f"/templates/{template_id}"
    return visit.page(
        "template_versions.html",
        template=found,
        template_url=visit.url(path),
        path=path,
        mine=_mine(visit, found),
        lines=page.items,
        older=older,
        newer=newer,
        differences=differences(sections),
        next_url=visit.url(f"{path}/versions", cursor=page.cursor) if page.cursor else "",
    )


@templates.page("/templates/{template_id}/restore", methods=("POST",), permission=Permission.TEMPLATES_WRITE)
def restore(visit: Visit, template_id: str) -> Answer:
    number = read_number(visit.form.text("version"))
    if number is None:
        raise Invalid("Say which version to restore.")
    operations.restore(visit.ports, visit.caller, template_id, number)
    return visit.go_to(f"/templates/{template_id}", did="template-restored")


@templates.page("/templates/{template_id}/share", methods=("POST",), permission=Permission.TEMPLATES_WRITE)
def share(visit: Visit, template_id: str) -> Answer:
    is_public = visit.form.text("is_public") == "1"
    operations.share(visit.ports, visit.caller, template_id, is_public=is_public)
    return visit.go_to(f"/templates/{template_id}", did="template-shared" if is_public else "template-unshared")


@templates.page("/templates/{template_id}/fork", methods=("POST",), permission=Permission.TEMPLATES_WRITE)
def fork(visit: Visit, template_id: str) -> Answer:
    number = read_number(visit.form.text("version"))
    made = operations.fork(visit.ports, visit.caller, template_id, number=number)
    return visit.go_to(f"/templates/{made.template_id}/edit", did="template-forked")


@templates.page("/templates/{template_id}/delete", methods=("POST",), permission=Permission.TEMPLATES_WRITE)
def delete(visit: Visit, template_id: str) -> Answer:
    operations.delete(visit.ports, visit.caller, template_id)
    return visit.go_to("/templates", did="template-deleted")


@templates.page("/templates/{template_id}/export", permission=Permission.TEMPLATES_READ)
def export(visit: Visit, template_id: str) -> Answer:
    text = operations.export(visit.ports, visit.caller, template_id, _number(visit, "version"))
    return text_answer(text.encode(), {"Content-Disposition": f'attachment; filename="{template_id}.yaml"'})


@templates.page("/templates/{template_id}/test", permission=Permission.TEMPLATES_READ)
def test_form(visit: Visit, template_id: str) -> Answer:
    version = operations.get_version(visit.ports, visit.caller, template_id, _number(visit, "version"))
    return _test_page(visit, template_id, samples.sample_of(version.variables))


@templates.page("/templates/{template_id}/test", methods=("POST",), permission=Permission.TEMPLATES_READ)
def test(visit: Visit, template_id: str) -> Answer:
    sample = visit.form.text("sample")
    real = visit.form.text("do") == "real"
    try:
        tests = operations.try_out(
            visit.ports,
            visit.caller,
            template_id,
            samples.record_of(sample),
            number=_number(visit, "version"),
            real=real,
            budget=_budget(visit),
        )
    except Invalid as error:
        return _test_page(visit, template_id, sample, error=error)
    return _test_page(visit, template_id, sample, tests=tests)


def _budget(visit: Visit) -> int:
    amount = micro_of(visit.form.text("budget") or "0")
    if amount is None:
        raise Invalid("The budget is no amount of dollars.")
    return amount


def _test_page(
    visit: Visit, template_id: str, sample: str, *, tests: Sequence[StepTest] = (), error: Invalid | None = None
) -> Answer:
    found = operations.get_template(visit.ports, visit.caller, template_id)
    cost = sum(each.cost for each in tests)
    return visit.page(
        "template_test.html",
        status=400 if error else 200,
        template=found,
        path=f"/templates/{template_id}",
        version=_number(visit, "version"),
        sample=sample,
        budget=visit.form.text("budget") or "0.05",
        spends=may(visit.caller, Permission.TEMPLATES_WRITE),
        steps=views.shown_steps(tests),
        cost=usd(cost) if cost else "",
        fault=error.detail if error else "",
        faults=error.faults if error else (),
    )


def _mine(visit: Visit, template: Template) -> bool:
    """The caller may change it."""
    return template.tenant_id == visit.caller.tenant_id and may(visit.caller, Permission.TEMPLATES_WRITE)


def _number(visit: Visit, name: str) -> int | None:
    text = visit.request.first(name)
    if text and read_number(text) is None:
        raise NotFound(f"There is no version {text[:20]}.")
    return read_number(text)


def read_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER else None
