"""Jobs, their orders, and the one table of legal transitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from chalicelib.errors import Conflict


class OrderStatus(StrEnum):
    QUEUED = "queued"
    """Waits: for its dependencies, its turn, its retry delay. `reason` says for what."""
    DISPATCHING = "dispatching"
    """Claimed by the orchestrator and handed to its target; no command has run yet."""
    RUNNING = "running"
    """A worker has it."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """A command failed, the dispatch failed for good, or (`dependency_failed`) it could not run at all."""
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    """Optional, and a dependency ended unsatisfied."""

    @property
    def ended(self) -> bool:
        return self in ORDER_ENDS


class JobStatus(StrEnum):
    QUEUED = "queued"
    """Accepted; no order has been handed out yet."""
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    BUDGET_EXCEEDED = "budget_exceeded"

    @property
    def ended(self) -> bool:
        return self in JOB_ENDS


_O, _J = OrderStatus, JobStatus
ORDER_ENDS = frozenset({_O.SUCCEEDED, _O.FAILED, _O.TIMED_OUT, _O.CANCELLED, _O.SKIPPED})
JOB_ENDS = frozenset({_J.SUCCEEDED, _J.FAILED, _J.TIMED_OUT, _J.CANCELLED, _J.BUDGET_EXCEEDED})

ORDER_TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    _O.QUEUED: frozenset({_O.DISPATCHING, _O.FAILED, _O.SKIPPED, _O.CANCELLED, _O.TIMED_OUT}),
    # Back to queued: the dispatch failed, or the worker was lost, and another attempt follows.
    _O.DISPATCHING: frozenset({_O.RUNNING, _O.QUEUED, *ORDER_ENDS} - {_O.SKIPPED}),
    _O.RUNNING: frozenset({_O.QUEUED, *ORDER_ENDS} - {_O.SKIPPED}),
    # An ended order starts again only when a user retries its job.
    **dict.fromkeys(ORDER_ENDS, frozenset({_O.QUEUED})),
}
JOB_TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    _J.QUEUED: frozenset({_J.RUNNING, *JOB_ENDS}),
    _J.RUNNING: JOB_ENDS,
    **dict.fromkeys(JOB_ENDS, frozenset({_J.QUEUED, _J.RUNNING})),
}


class IllegalTransition(Conflict):
    """A program error: nothing may move a thing like that."""


def check_order_transition(before: OrderStatus, after: OrderStatus) -> None:
    if after not in ORDER_TRANSITIONS[before]:
        raise IllegalTransition(f"An order cannot go from {before} to {after}.")


def check_job_transition(before: JobStatus, after: JobStatus) -> None:
    if after not in JOB_TRANSITIONS[before]:
        raise IllegalTransition(f"A job cannot go from {before} to {after}.")


class Target(StrEnum):
    PROCESS = "process"
    LAMBDA = "lambda"
    CODEBUILD = "codebuild"
    SSM = "ssm"
    ECS = "ecs"


class RunWhen(StrEnum):
    ALL_SUCCEEDED = "all_succeeded"
    ALL_DONE = "all_done"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSpec:
    """What the submitter asked of one order. `dependencies` are order numbers (1-based), whatever form they came in.

    `timeout` and `retry_delay` are seconds. Values of `secret_env` are sealed (see vault.py), never in clear.
    """

    name: str
    commands: Sequence[str]
    timeout: int
    action: str = "shell"
    dependencies: Sequence[int] = ()
    must_succeed: bool = True
    run_when: RunWhen = RunWhen.ALL_SUCCEEDED
    retries: int = 0
    retry_delay: int = 0
    target: Target = Target.PROCESS
    queue_id: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, str] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    """Fields that only some targets read (s3_location, ssm_targets, git_repo, ...), as submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One ended or running try. Attempts of an order count from 1, through user's retries too."""

    number: int
    status: OrderStatus
    reason: str = ""
    worker: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file an order left. `path` is as the order named it; `object` is its key in the objects port."""

    path: str
    size: int
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`number` counts from 1. `reason` says why it waits, failed or was skipped; empty when there is nothing to say."""

    number: int
    spec: OrderSpec
    status: OrderStatus = OrderStatus.QUEUED
    reason: str = ""
    attempt: int = 0
    """Number of the current or last attempt; 0 before the first. It is the fencing token of results."""
    tries: int = 0
    """Attempts since the job was submitted or last retried by a user, without those a lost worker cost."""
    losses: int = 0
    """Attempts a lost worker cost since then."""
    not_before: datetime | None = None
    dispatched_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    worker: str = ""
    stop_asked_at: datetime | None = None
    exit_code: int | None = None
    attempts: Sequence[Attempt] = ()
    artifacts: Sequence[Artifact] = ()
    slot: int = 0
    """The place it holds among those its tenant may have in flight; 0 when it holds none (see slots.py)."""
    version: int = 0

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def live(self) -> bool:
        """Whether a result of its attempt still counts."""
        return self.status in (OrderStatus.DISPATCHING, OrderStatus.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A result as it waits to be taken up by the orchestrator."""

    number: int
    attempt: int
    status: OrderStatus
    reason: str
    exit_code: int | None
    started_at: datetime | None
    ended_at: datetime
    worker: str
    artifacts: Sequence[Artifact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`states` holds one letter per order (see STATE_LETTERS): one document is enough to decide over 1,000 orders."""

    job_id: str
    tenant_id: str
    username: str
    """Who submitted it: an e-mail address, or the name a webhook gave."""
    kind: str
    name: str
    status: JobStatus
    created_at: datetime
    states: str
    reason: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    deadline: datetime | None = None
    """When the job is timed out: `job_timeout` after it started (or was retried)."""
    job_timeout: int = 3600
    max_parallel: int = 10
    priority: int = 0
    flow_label: str = "exec"
    trace_id: str = ""
    leg: str = ""
    """`<trace_id>:<epoch>` of a job that was posted to the webhook; empty for all others."""
    warnings: int = 0
    """Optional orders that failed or timed out."""
    cancel_requested_by: str = ""
    paused_by: str = ""
    """Whoever keeps its orders from starting; empty when nobody does."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Fields that only the webhook protocol reads (git_repo, pr_number, done_endpt, ...), as submitted."""
    look_at: datetime | None = None
    """When the sweeper looks at an open job again, whether or not anything woke it."""
    version: int = 0

    @property
    def order_count(self) -> int:
        return len(self.states)

    @property
    def counts(self) -> Mapping[OrderStatus, int]:
        return tally(self.states)

    @property
    def done_count(self) -> int:
        return sum(n for status, n in self.counts.items() if status.ended)


STATE_LETTERS: Mapping[OrderStatus, str] = {
    _O.QUEUED: "q",
    _O.DISPATCHING: "d",
    _O.RUNNING: "r",
    _O.SUCCEEDED: "s",
    _O.FAILED: "f",
    _O.TIMED_OUT: "t",
    _O.CANCELLED: "c",
    _O.SKIPPED: "k",
}
QUEUED_AGAIN = "w"
"""Queued after an attempt: its own document says how many there were and when the next may start."""
OUT_OF_BUDGET = "b"
"""Failed because its job's money was used up: the job's end says so, and more money lets it go on."""
STATUS_OF_LETTER: Mapping[str, OrderStatus] = {
    **{letter: status for status, letter in STATE_LETTERS.items()},
    QUEUED_AGAIN: _O.QUEUED,
    OUT_OF_BUDGET: _O.FAILED,
}


@lru_cache(maxsize=4096)
def tally(states: str) -> Mapping[OrderStatus, int]:
    """Orders in each status that occurs.

    What is handed out counts as running: the job's letters learn of a start only when the job is looked at next.
    """
    found: dict[OrderStatus, int] = {}
    for letter, status in STATUS_OF_LETTER.items():
        if number := states.count(letter):
            shown = OrderStatus.RUNNING if status is OrderStatus.DISPATCHING else status
            found[shown] = found.get(shown, 0) + number
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's history. `order_number` is None for what concerns the whole job."""

    event_id: str
    at: datetime
    actor: str
    """An e-mail address, or `millrace` for what the engine did."""
    kind: str
    """`job.submitted`, `job.finished`, `order.running`, `order.failed`, ..."""
    order_number: int | None = None
    message: str = ""
    attempt: int | None = None
