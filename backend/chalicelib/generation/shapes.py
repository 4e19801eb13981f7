"""Generation jobs, records, exports, batches and costs as the API shows them. Money in micro-dollars, as everywhere."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import quote

from typing_extensions import TypedDict

from chalicelib.generation.batches.model import Batch, BatchJob
from chalicelib.generation.costs import CostRow
from chalicelib.generation.jobs.model import Estimate, ExportFile, Generation, Quality, Record


class MoneyJson(TypedDict):
    """`cap` is `spent` + `reserved` + `free`; `lost` is the part of `reserved` for calls whose answers never came."""

    cap: int
    spent: int
    reserved: int
    free: int
    lost: int


class ProgressJson(TypedDict):
    num_records: int
    done: int
    failed: int
    input_tokens: int
    output_tokens: int
    records_per_second: float | None
    eta_seconds: int | None


class StepCostJson(TypedDict):
    step_id: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: int


class GenerationJson(TypedDict):
    """`estimate` is what the job was expected to cost when it was submitted.

    `waiting` says why it does not go on just now, if that is so; of a job that ended for want of money it says whose it
    was, if not its own.
    """

    job_id: str
    status: str
    template_id: str
    template_version: int
    template_name: str
    seed_data_id: str
    formats: list[str]
    is_draft: bool
    paused_by: str
    waiting: str
    estimate: int
    price_version: str
    progress: ProgressJson
    money: MoneyJson
    steps: list[StepCostJson]


class RecordJson(TypedDict):
    """`error` says why the record failed; empty when it did not."""

    number: int
    seed: int
    columns: dict[str, Any]
    prompts: dict[str, str]
    outputs: dict[str, Any]
    model: str
    tokens: int
    cost: int
    error: str


class RecordPageJson(TypedDict):
    """`cursor` is the number to go on from; a search may answer with few items and a cursor all the same."""

    items: list[RecordJson]
    cursor: int | None


class StepEstimateJson(TypedDict):
    step_id: str
    model: str
    expected_input: int
    expected_output: int
    expected: int
    worst: int


class SampleJson(TypedDict):
    seed: int
    step_id: str
    prompt: str
    fault: str


class EstimateJson(TypedDict):
    """`smallest_cap` is what one record may cost at worst: a lower budget is refused."""

    num_records: int
    expected: int
    worst: int
    smallest_cap: int
    price_version: str
    steps: list[StepEstimateJson]
    samples: list[SampleJson]


class ExportFileJson(TypedDict):
    """`href` leads to a link that downloads the file."""

    job_id: str
    order_num: str
    format: str
    path: str
    size: int
    made_at: datetime | None
    href: str


class ExportListJson(TypedDict):
    items: list[ExportFileJson]


class LengthsJson(TypedDict):
    column: str
    shortest: int
    median: int
    longest: int
    histogram: list[tuple[int, int]]


class ScoreJson(TypedDict):
    """`score` is 1 to 5; null where there was no answer to go by."""

    number: int
    score: int | None
    reason: str
    cost: int


class ScoredJson(TypedDict):
    """What a model thinks of a sample. `counts` are pairs of a score and so many records; `lowest` the worst."""

    job_id: str
    model: str
    scored: int
    unscored: int
    mean: float | None
    counts: list[tuple[int, int]]
    lowest: list[ScoreJson]
    cost: int


class QualityJson(TypedDict):
    """Over a sample; shares are 0..1. `scored` is null where no model was asked."""

    sampled: int
    exact_duplicates: float
    near_duplicates: float
    lengths: list[LengthsJson]
    scored: ScoredJson | None


class BatchJobJson(TypedDict):
    """`status` is `deleted` for a job that is there no more, `submitting` for one that is not there yet."""

    job_id: str
    value: str | int
    cap: int
    status: str
    num_records: int
    done: int
    failed: int
    spent: int
    tokens: int
    seconds: float | None


class BatchJson(TypedDict):
    batch_id: str
    name: str
    sweep_key: str
    cap: int
    username: str
    created_at: datetime
    jobs: list[BatchJobJson]


class BatchPageJson(TypedDict):
    items: list[BatchJson]
    cursor: str | None


class CostRowJson(TypedDict):
    key: str
    label: str
    records: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost: int


class CostsJson(TypedDict):
    since: str
    until: str
    by: str
    items: list[CostRowJson]


def generation_json(found: Generation) -> GenerationJson:
    return {
        "job_id": found.job.job_id,
        "status": found.job.status,
        "template_id": found.plan.template_id,
        "template_version": found.plan.template_version,
        "template_name": found.plan.template_name,
        "seed_data_id": found.plan.seed_data_id,
        "formats": [each.value for each in found.plan.formats],
        "is_draft": found.is_draft,
        "paused_by": found.paused_by,
        "waiting": found.waiting,
        "estimate": found.estimate,
        "price_version": found.plan.price_version,
        "progress": asdict(found.progress),  # type: ignore[typeddict-item]  # the same fields
        "money": asdict(found.money),  # type: ignore[typeddict-item]
        "steps": [asdict(each) for each in found.steps],  # type: ignore[misc]
    }


def record_json(record: Record) -> RecordJson:
    return asdict(record)  # type: ignore[return-value]  # the same fields, as in all below


def estimate_json(estimate: Estimate) -> EstimateJson:
    return asdict(estimate)  # type: ignore[return-value]


def quality_json(quality: Quality) -> QualityJson:
    return asdict(quality)  # type: ignore[return-value]


def export_json(file: ExportFile, base: str) -> ExportFileJson:
    number = f"{file.order_num:04d}"
    return {
        "job_id": file.job_id,
        "order_num": number,
        "format": file.format.value,
        "path": file.path,
        "size": file.size,
        "made_at": file.made_at,
        "href": f"{base}/api/jobs/{file.job_id}/orders/{number}/artifacts/{quote(file.path, safe='')}",
    }


def batch_json(batch: Batch) -> BatchJson:
    return {
        "batch_id": batch.batch_id,
        "name": batch.name,
        "sweep_key": batch.sweep_key,
        "cap": batch.cap,
        "username": batch.username,
        "created_at": batch.created_at,
        "jobs": [_batch_job(each) for each in batch.jobs],
    }


def _batch_job(job: BatchJob) -> BatchJobJson:
    return asdict(job)  # type: ignore[return-value]


def cost_rows(rows: Sequence[CostRow]) -> list[CostRowJson]:
    return [asdict(row) for row in rows]  # type: ignore[misc]
