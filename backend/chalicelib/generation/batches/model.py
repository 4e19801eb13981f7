"""Several generation jobs that differ in one thing, to be compared. Money is in micro-dollars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Value = str | int


class SweepKey(StrEnum):
    MODEL_TIER = "model_tier"
    SEED_DATA_ID = "seed_data_id"
    NUM_RECORDS = "num_records"
    TEMPLATE_VERSION = "template_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob:
    """How one of them does. `tokens` in and out; `seconds` it has run, None before it did.

    `status` is `deleted` for a job that is there no more, `submitting` for one that is not there yet.
    """

    job_id: str
    value: Value
    cap: int
    status: str
    num_records: int = 0
    done: int = 0
    failed: int = 0
    spent: int = 0
    tokens: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`cap` is for all its jobs; each has its share of it, by what it is expected to cost."""

    batch_id: str
    tenant_id: str
    name: str
    sweep_key: SweepKey
    cap: int
    username: str
    created_at: datetime
    jobs: Sequence[BatchJob]


@dataclass(frozen=True, slots=True)
class BatchPage:
    items: Sequence[Batch]
    cursor: str | None
