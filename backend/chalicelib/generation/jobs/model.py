"""What a generation job is asked, how far it is, and what it has cost. Money is in micro-dollars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.generation.templates.model import Program, Step
from chalicelib.jobs.model import Job

KIND = "generation"
EXPORT_KIND = "export"
MILLION = 1_000_000
MOST_RECORDS = 1_000_000
LARGEST_BUDGET = 1000 * MILLION


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    CHAT = "chat-jsonl"
    """One conversation per record, for fine-tuning."""


class Division(StrEnum):
    """By what an export is divided into files."""

    DATE = "date"
    """The day a record was made."""
    COLUMN = "column"
    SPLIT = "split"
    """A train and a test file; a record's side depends on its number only."""


@dataclass(frozen=True, slots=True)
class Partition:
    by: Division
    column: str = ""
    test_percent: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a run depends on, fixed when the job is submitted. `steps` name their models; none has a tier.

    Record i uses seed i mod `seed_count`, or its place in an order shuffled by `shuffle` when that is not None.
    """

    template_id: str
    template_version: int
    template_name: str
    seed_data_id: str
    """Empty for a draft that has none yet."""
    seed_count: int
    num_records: int
    shards: int
    formats: tuple[Format, ...]
    partition: Partition | None
    steps: tuple[Step, ...]
    program: Program
    username: str
    price_version: str
    shuffle: int | None = None
    required: tuple[str, ...] = ()
    """Variables that the seed data has to give."""

    def bounds(self, shard: int) -> tuple[int, int]:
        """First record (from 0) of a shard (from 1), and the one after its last."""
        return (shard - 1) * self.num_records // self.shards, shard * self.num_records // self.shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """`cap == spent + reserved + free`. `lost` is the part of `reserved` that is for calls whose answers never came."""

    cap: int
    spent: int
    reserved: int
    free: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCost:
    """What one step has cost on one model."""

    step_id: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`done` counts records that are there, without the `failed` ones. The last two are None when unknown."""

    num_records: int
    done: int
    failed: int
    input_tokens: int
    output_tokens: int
    records_per_second: float | None
    eta_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """All of a generation job that its page shows beside the job itself.

    `waiting` says why it does not go on just now. Of a job that ended for want of money it says whose, if not its own.
    """

    job: Job
    plan: Plan
    progress: Progress
    money: Money
    steps: Sequence[StepCost]
    estimate: int
    """What it was expected to cost when it was submitted."""
    is_draft: bool
    paused_by: str
    waiting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`number` counts from 0. A failed record has an `error` and what it got before it failed."""

    number: int
    seed: int
    columns: Mapping[str, Any]
    prompts: Mapping[str, str]
    outputs: Mapping[str, Any]
    model: str
    tokens: int
    cost: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class RecordPage:
    """`cursor` is the number to go on from; a search may return few or none and a cursor all the same."""

    items: Sequence[Record]
    cursor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEstimate:
    """Of the whole job. Expected and worst case, in tokens and micro-dollars."""

    step_id: str
    model: str
    expected_input: int
    expected_output: int
    expected: int
    worst: int


@dataclass(frozen=True, slots=True)
class SamplePrompt:
    """`prompt` of a later step is made with stand-ins for the outputs before it; `fault` says why there is none."""

    seed: int
    step_id: str
    prompt: str
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`smallest_cap` is what one record may need at worst: below it nothing can be made."""

    num_records: int
    expected: int
    worst: int
    smallest_cap: int
    price_version: str
    steps: Sequence[StepEstimate]
    samples: Sequence[SamplePrompt]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """A file of an export order or job, to be got by jobs.operations.artifact_link."""

    job_id: str
    order_num: int
    format: Format
    path: str
    size: int
    made_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Characters of the outputs of one column, over the sample."""

    column: str
    shortest: int
    median: int
    longest: int
    histogram: Sequence[tuple[int, int]] = field(default_factory=tuple)
    """(up to so many characters, records) in growing order."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a model thinks of a record, 1 to 5; None where there is no answer to go by, for the `reason`."""

    number: int
    score: int | None
    reason: str
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A sample as a model scored it, by the job `job_id`. `counts` are (score, records), `lowest` some of the worst."""

    job_id: str
    model: str
    scored: int
    unscored: int
    mean: float | None
    counts: Sequence[tuple[int, int]]
    lowest: Sequence[Score]
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Over `sampled` records evenly taken from those made. Shares are 0..1."""

    sampled: int
    exact_duplicates: float
    near_duplicates: float
    lengths: Sequence[Lengths]
    scored: Scored | None = None
