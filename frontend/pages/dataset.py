"""A generation job: how far it is, what it costs, what it made, and taking that away."""

from pydantic import TypeAdapter

from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import Invalid
from chalicelib.exchange import Answer
from chalicelib.generation import scoring
from chalicelib.generation.exports import operations as exports
from chalicelib.generation.jobs import operations
from chalicelib.generation.jobs.model import MILLION, Format, Generation
from chalicelib.generation.jobs.request import PartitionRequest
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.seeds.model import SeedData, SeedStatus
from chalicelib.generation.templates.model import Variables
from chalicelib.validation import parse
from frontend.door import PagesDoor
from frontend.pages.models import offered
from frontend.pages.templates import read_number
from frontend.views import generation as views
from frontend.views import wizard
from frontend.views.money import micro_of, typed_usd, usd
from frontend.views.words import count, exact
from frontend.visit import Pages, Visit

_PARTITION = TypeAdapter(PartitionRequest)
dataset = Pages(__name__, PagesDoor())

GLANCE = 5
PAGE = 50
FAILURES = 200
"""Failed records whose reasons are counted."""


@dataset.page("/jobs/{job_id}/dataset", permission=Permission.GENERATION_READ)
def dataset_view(visit: Visit, job_id: str) -> Answer:
    found = operations.see(visit.ports, visit.caller, job_id)
    page = views.generation_page(found)
    columns = exports.list_columns(visit.ports, visit.caller, job_id)
    return visit.page(
        "dataset.html",
        found=found,
        job=found.job,
        page=page,
        path=f"/jobs/{job_id}/dataset",
        writes=may(visit.caller, Permission.GENERATION_WRITE),
        tone=page.look.tone,
        failures=_failures(visit, found),
        exports=_exports(visit, job_id),
        sheet=views.record_sheet(operations.list_records(visit.ports, visit.caller, job_id, limit=GLANCE).items),
        quality=_quality(visit, found),
        scorers=offered(visit),
        facts=_facts(found),
        formats=" and ".join(word for each, word, _ in wizard.FORMATS if each in found.plan.formats),
        all_formats=[(each.value, word) for each, word, _ in wizard.FORMATS],
        partitions=wizard.partitions(columns),
        seeds=_usable(visit, found) if found.is_draft else (),
        suggested=typed_usd(views.next_budget(found)),
        suggestion=_suggestion(found),
    )


def _usable(visit: Visit, found: Generation) -> list[SeedData]:
    """The newest seed data that has all that a draft needs."""
    page = seeds.list_seed_data(visit.ports, visit.caller, limit=PAGE)
    wanted = Variables(required=found.plan.required)
    return [each for each in page.items if each.status is SeedStatus.READY and not seeds.missing(wanted, each)]


def _failures(visit: Visit, found: Generation) -> list[views.Reason]:
    if not found.progress.failed:
        return []
    page = operations.list_records(visit.ports, visit.caller, found.job.job_id, limit=FAILURES, failed=True)
    return views.reasons(page.items)


def _exports(visit: Visit, job_id: str) -> list[views.Download]:
    return views.downloads(exports.list_files(visit.ports, visit.caller, job_id), visit.url("/jobs/"), visit.now)


def _quality(visit: Visit, found: Generation) -> views.QualityView | None:
    """Of a running job it would change with every look, and cost one."""
    if not found.job.status.ended or not found.progress.done:
        return None
    return views.quality_view(operations.get_quality(visit.ports, visit.caller, found.job.job_id))


def _facts(found: Generation) -> list[tuple[str, str]]:
    job, plan = found.job, found.plan
    facts = [("Records", f"{plan.num_records:,}, in {count(plan.shards, 'shard')}")]
    facts += [(f"Model of {step.step_id}", step.model) for step in plan.steps]
    facts += [("Submitted by", job.username), ("Submitted", exact(job.created_at))]
    if job.ended_at:
        facts.append(("Ended", exact(job.ended_at)))
    return facts


def _suggestion(found: Generation) -> str:
    if not found.progress.done:
        return "Not one record fitted into it."
    each = usd(found.money.spent // found.progress.done)
    left = found.progress.num_records - found.progress.done - found.progress.failed
    return f"At {each} a record, the {left:,} that are missing need about {usd(views.missing_cost(found))} more."


@dataset.page("/jobs/{job_id}/dataset/records", permission=Permission.GENERATION_READ)
def records(visit: Visit, job_id: str) -> Answer:
    found = operations.see(visit.ports, visit.caller, job_id)
    text = visit.request.first("text").strip()[:200]
    failed = visit.request.first("failed") == "1"
    start = read_number(visit.request.first("start")) or 0
    page = operations.list_records(visit.ports, visit.caller, job_id, start=start, limit=PAGE, text=text, failed=failed)
    path = f"/jobs/{job_id}/dataset"
    kept = {"text": text, "failed": "1" if failed else ""}
    return visit.page(
        "records.html",
        job=found.job,
        path=path,
        lead=f"{found.progress.done:,} made, {found.progress.failed:,} failed.",
        text=text,
        failed=failed,
        sheet=views.record_sheet(page.items),
        next_url="" if page.cursor is None else visit.url(f"{path}/records", **kept, start=page.cursor),
    )


@dataset.page("/jobs/{job_id}/dataset/pause", methods=("POST",), permission=Permission.GENERATION_WRITE)
def pause(visit: Visit, job_id: str) -> Answer:
    operations.pause(visit.ports, visit.caller, job_id)
    return visit.go_to(f"/jobs/{job_id}/dataset", did="paused")


@dataset.page("/jobs/{job_id}/dataset/continue", methods=("POST",), permission=Permission.GENERATION_WRITE)
def resume(visit: Visit, job_id: str) -> Answer:
    operations.resume(visit.ports, visit.caller, job_id)
    return visit.go_to(f"/jobs/{job_id}/dataset", did="resumed")


@dataset.page("/jobs/{job_id}/dataset/seeds", methods=("POST",), permission=Permission.GENERATION_WRITE)
def set_seed_data(visit: Visit, job_id: str) -> Answer:
    operations.set_seed_data(visit.ports, visit.caller, job_id, visit.form.text("seeds"))
    return visit.go_to(f"/jobs/{job_id}/dataset", did="seeds-chosen")


@dataset.page("/jobs/{job_id}/dataset/retry", methods=("POST",), permission=Permission.GENERATION_WRITE)
def retry_records(visit: Visit, job_id: str) -> Answer:
    operations.retry_failed_records(visit.ports, visit.caller, job_id)
    return visit.go_to(f"/jobs/{job_id}/dataset", did="records-retried")


@dataset.page("/jobs/{job_id}/dataset/budget", methods=("POST",), permission=Permission.GENERATION_WRITE)
def set_budget(visit: Visit, job_id: str) -> Answer:
    typed = visit.form.text("budget")
    cap = micro_of(typed)
    if not cap or cap < 0:
        raise Invalid(f"`{typed[:30]}` is no budget: give an amount of dollars, such as 2.50.")
    operations.set_budget(visit.ports, visit.caller, job_id, cap / MILLION)
    return visit.go_to(f"/jobs/{job_id}/dataset", did="topped-up")


@dataset.page("/jobs/{job_id}/dataset/score", methods=("POST",), permission=Permission.GENERATION_WRITE)
def score(visit: Visit, job_id: str) -> Answer:
    cap, sample = micro_of(visit.form.text("budget")), read_number(visit.form.text("sample"))
    if not cap or cap < 0 or not sample:
        raise Invalid("Say how many records a model is to score, and for how many dollars at most.")
    model = visit.form.text("model")
    made = scoring.start(visit.ports, visit.caller, job_id, model=model, sample=sample, cap=cap)
    return visit.go_to(f"/jobs/{made.job_id}", did="scoring")


@dataset.page("/jobs/{job_id}/dataset/export", methods=("POST",), permission=Permission.GENERATION_WRITE)
def export(visit: Visit, job_id: str) -> Answer:
    format_ = next((each for each in Format if each == visit.form.text("format")), None)
    if format_ is None:
        raise Invalid("Choose a format for the export.")
    wanted = wizard.partition_of(visit.form.text("partition"))
    partition = parse(_PARTITION, wanted, what="The export").to_partition() if wanted else None
    made = exports.export(visit.ports, visit.caller, job_id, format_, partition)
    return visit.go_to(f"/jobs/{made.job_id}", did="exporting")
