"""Writing a job: a new one, or an earlier one with changes."""

from typing import Any

import yaml

from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Invalid
from chalicelib.exchange import Answer
from chalicelib.generation.jobs import operations as generation
from chalicelib.generation.jobs.model import KIND
from chalicelib.jobs import operations
from chalicelib.jobs.model import Job
from chalicelib.jobs.submission import parse_submission
from frontend.door import PagesDoor
from frontend.examples import examples
from frontend.views import wizard
from frontend.views.faults import locate, marked
from frontend.views.logs import printable
from frontend.views.words import count
from frontend.visit import Pages, Visit

submitting = Pages(__name__, PagesDoor())


@submitting.page("/jobs/new", permission=Permission.JOBS_WRITE)
def new_job(visit: Visit) -> Answer:
    known = {each.key: each for each in examples()}
    chosen = known.get(visit.request.first("example"), examples()[0])
    return _form(visit, chosen.text, chosen=chosen.key)


@submitting.page("/jobs/new", methods=("POST",), permission=Permission.JOBS_WRITE)
def submit(visit: Visit) -> Answer:
    text = visit.form.text("file") or visit.form.text("submission")
    try:
        job = operations.submit(visit.ports, visit.caller, parse_submission(text))
    except Invalid as error:
        return _form(visit, text, error)
    return visit.go_to(f"/jobs/{job.job_id}")


@submitting.page("/jobs/{job_id}/clone", permission=Permission.JOBS_WRITE)
def clone_form(visit: Visit, job_id: str) -> Answer:
    job = operations.get_job(visit.ports, visit.caller, job_id)
    if job.kind == KIND:
        choices = wizard.choices_of(generation.see(visit.ports, visit.caller, job_id))
        return visit.go_to("/generate", **choices.query())
    submission = operations.submission_of(visit.ports, visit.caller, job_id)
    return _form(visit, as_yaml(submission), original=job)


@submitting.page("/jobs/{job_id}/clone", methods=("POST",), permission=Permission.JOBS_WRITE)
def clone(visit: Visit, job_id: str) -> Answer:
    text = visit.form.text("submission")
    try:
        changes = parse_submission(text).model_dump(exclude_unset=True, mode="json")
        job = operations.clone(visit.ports, visit.caller, job_id, changes)
    except Invalid as error:
        return _form(visit, text, error, original=operations.get_job(visit.ports, visit.caller, job_id))
    return visit.go_to(f"/jobs/{job.job_id}")


def _form(
    visit: Visit, text: str, error: Invalid | None = None, *, original: Job | None = None, chosen: str = ""
) -> Answer:
    text = printable(text)
    found = locate(text, error.faults) if error else []
    return visit.page(
        "job_new.html",
        status=400 if error else 200,
        text=text,
        found=found,
        summary=_summary(error, len(found)),
        lines=marked(text, found),
        original=original,
        examples=examples(),
        chosen=chosen,
        action=visit.url(f"/jobs/{original.job_id}/clone" if original else "/jobs/new"),
        words=_words(original),
    )


def _summary(error: Invalid | None, number: int) -> str:
    if error is None:
        return ""
    return f"{count(number, 'fault')} to mend; nothing was submitted" if number else error.detail


def _words(original: Job | None) -> dict[str, str]:
    if original is None:
        return {"heading": "New job", "button": "Submit", "lead": "Write it, paste it, or start from an example."}
    lead = "The same job again, as a new one. Secrets that you leave empty keep their values."
    return {"heading": f"Clone {original.name}", "button": "Submit the clone", "lead": lead}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks and lists set in, the way people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the library's signature
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(submission: dict[str, Any]) -> str:
    return yaml.dump(submission, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
