"""Batches: the same generation with one thing varied, compared in a table and a picture."""

from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import Invalid, MillraceError, NotFound
from chalicelib.exchange import Answer
from chalicelib.generation.batches import operations
from chalicelib.generation.batches.model import Batch, SweepKey
from chalicelib.generation.batches.request import parse_batch
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.seeds.model import SeedData, SeedStatus
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.operations import Scope
from frontend.door import PagesDoor
from frontend.forms import Form
from frontend.pages.models import TIERS
from frontend.views import batches as views
from frontend.views.charts import columns
from frontend.views.money import usd
from frontend.visit import Pages, Visit

batches = Pages(__name__, PagesDoor())

CHOSEN_FROM = 100


@batches.page("/batches", permission=Permission.GENERATION_READ)
def browse(visit: Visit) -> Answer:
    page = operations.list_batches(visit.ports, visit.caller, cursor=visit.request.first("cursor") or None)
    return visit.page(
        "batches.html",
        lines=[(each, views.KEYS[each.sweep_key], usd(each.cap)) for each in page.items],
        writes=may(visit.caller, Permission.GENERATION_WRITE),
        next_url=visit.url("/batches", cursor=page.cursor) if page.cursor else "",
    )


@batches.page("/batches/new", permission=Permission.GENERATION_WRITE)
def new(visit: Visit) -> Answer:
    given = {name: visit.request.first(name) for name in ("template", "seeds")}
    return _form(visit, Form({name: [value] for name, value in given.items()}))


@batches.page("/batches/new", methods=("POST",), permission=Permission.GENERATION_WRITE)
def submit(visit: Visit) -> Answer:
    try:
        made = operations.submit(visit.ports, visit.caller, parse_batch(views.batch_data(visit.form)))
    except (Invalid, NotFound) as error:
        return _form(visit, visit.form, error)
    return visit.go_to(f"/batches/{made.batch_id}")


def _form(visit: Visit, form: Form, error: MillraceError | None = None) -> Answer:
    return visit.page(
        "batch_new.html",
        status=400 if error else 200,
        form=form,
        fault=error.detail if error else "",
        faults=error.faults if isinstance(error, Invalid) else (),
        keys=[(key.value, word) for key, word in views.KEYS.items()],
        chosen=form.text("sweep_key") or SweepKey.MODEL_TIER.value,
        tiers=TIERS,
        seeds=_ready(visit),
        templates=[
            each
            for scope in Scope
            for each in templates.list_templates(visit.ports, visit.caller, scope=scope, limit=CHOSEN_FROM).items
        ],
    )


def _ready(visit: Visit) -> list[SeedData]:
    page = seeds.list_seed_data(visit.ports, visit.caller, limit=CHOSEN_FROM)
    return [each for each in page.items if each.status is SeedStatus.READY]


@batches.page("/batches/{batch_id}", permission=Permission.GENERATION_READ)
def batch_view(visit: Visit, batch_id: str) -> Answer:
    found = operations.see(visit.ports, visit.caller, batch_id)
    names = _names(visit, found)
    return visit.page(
        "batch.html",
        batch=found,
        key=views.KEYS[found.sweep_key],
        rows=views.compared(found, names),
        chart=columns(views.points(found, names), thing="Cost of each"),
        spent=usd(sum(each.spent for each in found.jobs)),
        cap=usd(found.cap),
        running=views.running(found),
        self_url=visit.url(f"/batches/{batch_id}"),
    )


def _names(visit: Visit, batch: Batch) -> dict[str, str]:
    """What people call the values, where those are ids."""
    if batch.sweep_key is not SweepKey.SEED_DATA_ID:
        return {}
    return {str(each.value): _name(visit, str(each.value)) for each in batch.jobs}


def _name(visit: Visit, seed_data_id: str) -> str:
    try:
        return seeds.get_seed_data(visit.ports, visit.caller, seed_data_id).name
    except NotFound:
        return f"{seed_data_id} (deleted)"
