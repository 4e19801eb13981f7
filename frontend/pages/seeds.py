"""Seed data: uploading it, generating it, and looking at it."""

from pathlib import PurePath

from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import Invalid
from chalicelib.exchange import Answer, json_answer, redirect
from chalicelib.generation.seeds import operations
from chalicelib.generation.seeds.model import LARGEST, SeedData, SeedFormat, SeedStatus
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.operations import Scope
from frontend import session
from frontend.door import PagesDoor
from frontend.pages.templates import read_number
from frontend.views import seeds as views
from frontend.views.words import count
from frontend.visit import Pages, Visit

seeds = Pages(__name__, PagesDoor())

SHOWN = 50
"""Records in one page of the table."""
MOST_GENERATED = 10_000
CHOSEN_FROM = 100
ENDINGS = {
    ".csv": SeedFormat.CSV,
    ".json": SeedFormat.JSON,
    ".jsonl": SeedFormat.JSONL,
    ".ndjson": SeedFormat.JSONL,
}


@seeds.page("/seeds", permission=Permission.SEEDS_READ)
def browse(visit: Visit) -> Answer:
    text = visit.request.first("text").strip()[:200]
    page = operations.list_seed_data(visit.ports, visit.caller, text=text, cursor=visit.request.first("cursor") or None)
    return visit.page(
        "seeds.html",
        lines=[(each, views.look_of(each)) for each in page.items],
        text=text,
        writes=may(visit.caller, Permission.SEEDS_WRITE),
        next_url=visit.url("/seeds", text=text, cursor=page.cursor) if page.cursor else "",
    )


@seeds.page("/seeds/new", permission=Permission.SEEDS_WRITE)
def new(visit: Visit) -> Answer:
    return _new_page(visit)


@seeds.page("/seeds/new", methods=("POST",), permission=Permission.SEEDS_WRITE)
def upload(visit: Visit) -> Answer:
    """A file in the form itself, or the word that one was put to a link."""
    name = visit.form.text("name").strip()
    try:
        if sent := visit.form.text("upload"):
            made = operations.complete(visit.ports, visit.caller, sent)
        else:
            made = _upload_whole(visit, name)
    except Invalid as error:
        return _new_page(visit, error, name=name)
    if made.status is not SeedStatus.READY:
        return visit.go_to(f"/seeds/{made.seed_data_id}", next=session.local_path(visit.form.text("next")))
    return _onwards(visit, made)


def _upload_whole(visit: Visit, name: str) -> SeedData:
    file = visit.form.files.get("file")
    if file is None or not file.content:
        raise Invalid("Choose a file first; an empty one holds no records.")
    return operations.upload(visit.ports, visit.caller, file.content, name=name or PurePath(file.name).stem)


@seeds.page("/seeds/link", methods=("POST",), permission=Permission.SEEDS_WRITE)
def link(visit: Visit) -> Answer:
    """For our script: where to put a file of any size."""
    path = PurePath(visit.form.text("filename"))
    format_ = ENDINGS.get(path.suffix.lower())
    if format_ is None:
        raise Invalid("Only files that end in .csv, .json or .jsonl are read.")
    name = visit.form.text("name").strip() or path.stem
    size = read_number(visit.form.text("size")) or None
    begun = operations.begin_upload(visit.ports, visit.caller, name=name[:200], format=format_, size=size)
    return json_answer({"href": begun.link, "upload": begun.seed_data.seed_data_id})


def _onwards(visit: Visit, made: SeedData) -> Answer:
    """Back to where the seed data was asked for, which is then told which it is."""
    onwards = _onwards_url(visit, made)
    return redirect(onwards) if onwards else visit.go_to(f"/seeds/{made.seed_data_id}", did="seeds-made")


def _onwards_url(visit: Visit, made: SeedData) -> str:
    wanted = session.local_path(visit.form.text("next") or visit.request.first("next"))
    return f"{visit.request.base}{wanted}{'&' if '?' in wanted else '?'}seeds={made.seed_data_id}" if wanted else ""


@seeds.page("/seeds/generate", methods=("POST",), permission=Permission.SEEDS_WRITE)
def generate(visit: Visit) -> Answer:
    try:
        made = operations.generate(
            visit.ports, visit.caller, _template(visit), count=_count(visit), name=visit.form.text("name").strip()
        )
    except Invalid as error:
        return _new_page(visit, error)
    return _onwards(visit, made)


def _template(visit: Visit) -> str:
    if template_id := visit.form.text("template"):
        return template_id
    raise Invalid("Choose the template whose variables the records are to have.")


def _count(visit: Visit) -> int:
    text = visit.form.text("count")
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_GENERATED:
        return int(text)
    raise Invalid(f"How many records? A number from 1 to {MOST_GENERATED:,}.")


def _new_page(visit: Visit, error: Invalid | None = None, *, name: str = "") -> Answer:
    return visit.page(
        "seeds_new.html",
        status=400 if error else 200,
        fault=error.detail if error else "",
        faults=error.faults if error else (),
        name=name,
        next=session.local_path(visit.form.text("next") or visit.request.first("next")),
        template_id=visit.form.text("template") or visit.request.first("template"),
        templates=[
            each
            for scope in Scope
            for each in templates.list_templates(visit.ports, visit.caller, scope=scope, limit=CHOSEN_FROM).items
        ],
        count=visit.form.text("count") or "10",
        most=LARGEST,
    )


@seeds.page("/seeds/{seed_data_id}", permission=Permission.SEEDS_READ)
def seed_data(visit: Visit, seed_data_id: str) -> Answer:
    found = operations.get_seed_data(visit.ports, visit.caller, seed_data_id)
    skip = _skip(visit.request.first("from"), found.record_count)
    ready = found.status is SeedStatus.READY
    records = operations.first_records(visit.ports, visit.caller, seed_data_id, count=SHOWN, skip=skip) if ready else []
    path = f"/seeds/{seed_data_id}"
    return visit.page(
        "seed_data.html",
        seeds=found,
        look=views.look_of(found),
        rows=views.sheet(found.fields, records, skip),
        shown=_range(skip, len(records), found.record_count),
        path=path,
        writes=may(visit.caller, Permission.SEEDS_WRITE),
        progress=views.progress(found),
        onwards=_onwards_url(visit, found) if ready else "",
        next=session.local_path(visit.request.first("next")),
        before_url=visit.url(path, **{"from": max(skip - SHOWN, 0)}) if skip else "",
        next_url=visit.url(path, **{"from": skip + SHOWN}) if skip + SHOWN < found.record_count else "",
    )


def _skip(text: str, most: int) -> int:
    """Records before the first that is shown."""
    return min(int(text), max(most - 1, 0)) if text.isascii() and text.isdigit() and len(text) < len("10000000") else 0


def _range(skip: int, shown: int, whole: int) -> str:
    return f"{skip + 1:,} to {skip + shown:,} of {count(whole, 'record')}" if shown else count(whole, "record")


@seeds.page("/seeds/{seed_data_id}/delete", methods=("POST",), permission=Permission.SEEDS_WRITE)
def delete(visit: Visit, seed_data_id: str) -> Answer:
    operations.delete(visit.ports, visit.caller, seed_data_id)
    return visit.go_to("/seeds", did="seeds-deleted")
