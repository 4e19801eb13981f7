"""Batches: jobs that differ in one thing, beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.generation.batches.model import Batch, BatchJob, SweepKey
from chalicelib.jobs.model import JobStatus
from frontend.forms import Form
from frontend.views.charts import length
from frontend.views.money import micro_of, share, usd
from frontend.views.words import JOB_LOOKS, Look, duration

KEYS: Mapping[SweepKey, str] = {
    SweepKey.MODEL_TIER: "Model tier",
    SweepKey.SEED_DATA_ID: "Seed data",
    SweepKey.NUM_RECORDS: "Number of records",
    SweepKey.TEMPLATE_VERSION: "Template version",
}
NUMBERS = frozenset({SweepKey.MODEL_TIER, SweepKey.NUM_RECORDS, SweepKey.TEMPLATE_VERSION})
OTHERS = {
    "submitting": Look("Being submitted", "wait", "wait"),
    "deleted": Look("Deleted", "skip", "skip"),
}
ENDED = frozenset(status.value for status in JobStatus if status.ended) | {"deleted"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A job of a batch. Widths are of the longest among them."""

    job_id: str
    value: str
    look: Look
    there: bool
    done: str
    failed: str
    spent: str
    of_cap: str
    spent_width: int
    per_record: str
    per_record_width: int
    tokens: str
    took: str
    took_width: int


def compared(batch: Batch, names: Mapping[str, str]) -> list[Compared]:
    """`names` are of values that are ids."""
    dearest = max((each.spent for each in batch.jobs), default=0)
    dearest_record = max(map(_per_record, batch.jobs), default=0)
    longest = max((round((each.seconds or 0) * 1000) for each in batch.jobs), default=0)
    return [
        Compared(
            job_id=each.job_id,
            value=names.get(str(each.value), str(each.value)),
            look=look_of(each),
            there=each.status not in OTHERS,
            done=f"{each.done:,} of {each.num_records:,}",
            failed=f"{each.failed:,}",
            spent=usd(each.spent),
            of_cap=f"{share(each.spent, each.cap)} of {usd(each.cap)}",
            spent_width=length(each.spent, dearest),
            per_record=usd(_per_record(each)) if each.done else "",
            per_record_width=length(_per_record(each), dearest_record),
            tokens=f"{each.tokens:,}",
            took=duration(each.seconds) if each.seconds is not None else "",
            took_width=length(round((each.seconds or 0) * 1000), longest),
        )
        for each in batch.jobs
    ]


def _per_record(job: BatchJob) -> int:
    return -(-job.spent // job.done) if job.done else 0


def look_of(job: BatchJob) -> Look:
    return OTHERS.get(job.status) or JOB_LOOKS[JobStatus(job.status)]


def running(batch: Batch) -> bool:
    return any(each.status not in ENDED for each in batch.jobs)


def points(batch: Batch, names: Mapping[str, str]) -> list[tuple[str, int]]:
    return [(names.get(str(each.value), str(each.value)), each.spent) for each in batch.jobs]


def batch_data(form: Form) -> dict[str, Any]:
    """What `parse_batch` reads, from what was typed; what is no number stays text and is found at fault there."""
    key = form.text("sweep_key")
    base: dict[str, Any] = {
        "template_id": form.text("template"),
        "seed_data_id": form.text("seeds") or None,
        "num_records": _number(form.text("records")),
        "output_format": ["jsonl"],
    }
    if tier := form.text("tier"):
        base["model_tier"] = _number(tier)
    if version := form.text("version"):
        base["template_version"] = _number(version)
    typed = form.text("budget")
    micro = micro_of(typed)
    return {
        "name": form.text("name").strip(),
        "base": {name: value for name, value in base.items() if name != key},
        "sweep_key": key,
        "values": _values(form, key),
        "budget_limit": typed if micro is None else micro / 1_000_000,
    }


def _values(form: Form, key: str) -> list[int | str]:
    """Boxes that were ticked, or numbers with commas or spaces between them."""
    typed: Sequence[str] = form.all(f"values-{key}")
    if key in {SweepKey.NUM_RECORDS, SweepKey.TEMPLATE_VERSION}:
        typed = [part for text in typed for part in text.replace(",", " ").split()]
    return [_number(each) if key in NUMBERS else each for each in typed]


def _number(text: str) -> int | str:
    stripped = text.strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) < len("1000000000") else text
