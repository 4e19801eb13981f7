"""What to do next for a job: a pure function of what is known of it.

The orchestrator loads a `Board`, asks `decide`, writes what it says and performs it. Nothing here does I/O.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.jobs.model import OUT_OF_BUDGET, Job, JobStatus, Order, OrderStatus, RunWhen, Target

MAX_LOSSES = 5
"""How often an order starts again because its worker was lost, before it fails."""
WATCHDOG_GRACE = timedelta(seconds=5)
"""A worker enforces the timeout itself; so long after it the watchdog does."""
FAR_GRACES: Mapping[Target, timedelta] = {
    Target.LAMBDA: timedelta(seconds=60),
    Target.SSM: timedelta(minutes=5),
    Target.ECS: timedelta(minutes=10),
    Target.CODEBUILD: timedelta(minutes=15),
}
"""The same where a provider may take that long to bring a worker up, and a result to come back."""
STOP_GRACE = timedelta(seconds=10)
"""So long may a worker take to confirm a stop."""
LONGEST_NAP = timedelta(seconds=30)
"""An open job is looked at this often, whatever was lost."""

CANCELLED, JOB_TIMEOUT, LOST, STOPPED = "cancelled", "job_timeout", "worker_lost", "worker_stopped"
PAUSED, BUDGET_EXCEEDED = "paused", "budget_exceeded"
"""Reasons that an action gives: it was handed back because its job is paused, or failed for want of money."""
HANDED_OUT = "is about to be handed out"
"""Why an order waits that waits for nothing."""
HELD = "organisation_held"
"""A worker did not begin it, because its tenant was parked or suspended when its turn came."""


@dataclass(frozen=True, slots=True)
class Node:
    """The part of an order that never changes. `dependencies` are numbers from 1."""

    dependencies: tuple[int, ...] = ()
    must_succeed: bool = True
    run_when: RunWhen = RunWhen.ALL_SUCCEEDED
    retries: int = 0
    retry_delay: int = 0
    timeout: int = 60
    queue_id: str | None = None
    target: Target = Target.PROCESS


@dataclass(frozen=True, slots=True)
class Plan:
    """All nodes, and their numbers in an order in which dependencies come first."""

    nodes: tuple[Node, ...]
    topological: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was reported of one attempt. `status` is an end, or `queued` when the attempt was lost and may run again."""

    number: int
    attempt: int
    status: OrderStatus
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What is known when deciding. `orders` has at least each order that is dispatching, running or queued again."""

    job: Job
    plan: Plan
    statuses: Sequence[OrderStatus]
    orders: Mapping[int, Order]
    results: Mapping[int, Result] = field(default_factory=dict)
    lost: frozenset[int] = frozenset()
    """Running orders whose worker is known to be gone."""
    busy_queues: frozenset[str] = frozenset()
    """queue_ids held by other jobs."""
    why_held: str = ""
    """Why nothing of the tenant may start, in words; empty when it may."""
    room: int | None = None
    """How many more orders its tenant may have in flight; None when that is not limited."""


@dataclass(frozen=True, slots=True)
class End:
    number: int
    status: OrderStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Requeue:
    """Another attempt follows, not before the given time."""

    number: int
    reason: str
    not_before: datetime
    loss: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """Queued -> dispatching, then to be handed to its target."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The target is asked to end a running attempt."""

    number: int


Action = End | Requeue | Claim | Stop


@dataclass(frozen=True, slots=True)
class Decision:
    actions: tuple[Action, ...]
    finish: JobStatus | None = None
    warnings: int = 0
    deadline: datetime | None = None
    look_at: datetime | None = None
    """When to look again if nothing happens before; None once the job has ended."""
    blocked_queues: frozenset[str] = frozenset()
    """queue_ids of other jobs' that ready orders wait for."""
    at_limit: bool = False
    """Ready orders wait until the tenant has fewer in flight."""


def grace_of(target: Target) -> timedelta:
    return FAR_GRACES.get(target, WATCHDOG_GRACE)


def for_want_of_money(reason: str) -> bool:
    """BUDGET_EXCEEDED alone, or with words behind it."""
    return reason.partition(":")[0] == BUDGET_EXCEEDED


def decide(board: Board, now: datetime) -> Decision:
    return _Round(board, now).decide()


class _Round:
    def __init__(self, board: Board, now: datetime) -> None:
        self.board = board
        self.now = now
        self.statuses = list(board.statuses)
        self.actions: list[Action] = []
        self.times: list[datetime] = [now + LONGEST_NAP]
        self.blocked: set[str] = set()
        self.requeued: set[int] = set()
        self.deadline = board.job.deadline or self._first_deadline()
        self.at_limit = False
        self.out_of_budget = {n for n, letter in enumerate(board.job.states, 1) if letter == OUT_OF_BUDGET}
        if self.deadline and board.why_held and not self._numbers(OrderStatus.RUNNING):
            # A job's time does not run while its tenant is kept from running it.
            self.deadline = now + timedelta(seconds=board.job.job_timeout)

    def decide(self) -> Decision:
        why = self._why_stopping()
        for number in self._numbers(OrderStatus.DISPATCHING, OrderStatus.RUNNING):
            self._look_at_active(number, why)
        self._look_at_queued(why)
        if self.deadline and self.deadline > self.now:
            self.times.append(self.deadline)
        ended = all(status.ended for status in self.statuses)
        return Decision(
            actions=tuple(self.actions),
            finish=self._job_status(why) if ended else None,
            warnings=self._warnings(),
            deadline=self.deadline,
            look_at=None if ended else max(self.now, min(self.times)),
            blocked_queues=frozenset(self.blocked),
            at_limit=self.at_limit,
        )

    def _first_deadline(self) -> datetime | None:
        """The job's time runs from the start of its first order, not while it waits for a worker."""
        timeout = timedelta(seconds=self.board.job.job_timeout)
        starts = [order.started_at for order in self.board.orders.values() if order.started_at and order.attempt]
        running = any(status in (OrderStatus.DISPATCHING, OrderStatus.RUNNING) for status in self.statuses)
        if running:
            self.times.append(self.now + timeout)
        return min(starts) + timeout if starts else None

    def _why_stopping(self) -> str:
        if self.board.job.cancel_requested_by:
            return CANCELLED
        return JOB_TIMEOUT if self.deadline and self.now >= self.deadline else ""

    def _numbers(self, *statuses: OrderStatus) -> list[int]:
        return [number for number, status in enumerate(self.statuses, 1) if status in statuses]

    def _look_at_active(self, number: int, why: str) -> None:
        order = self.board.orders[number]
        result = self.board.results.get(number)
        if result and result.attempt == order.attempt:
            self._settle(order, result, why)
        elif number in self.board.lost:
            self._settle(order, self._loss(order), why)
        elif order.status is OrderStatus.RUNNING:
            self._watch(order, why)
        elif why:
            self._end(number, OrderStatus.CANCELLED, why)

    def _loss(self, order: Order) -> Result:
        return Result(number=order.number, attempt=order.attempt, status=OrderStatus.QUEUED, reason=LOST)

    def _settle(self, order: Order, result: Result, why: str) -> None:
        if result.status is OrderStatus.SUCCEEDED:
            self._end(order.number, result.status, result.reason)
        elif why:
            timed_out = why == JOB_TIMEOUT
            self._end(order.number, OrderStatus.TIMED_OUT if timed_out else OrderStatus.CANCELLED, why)
        elif result.status is OrderStatus.QUEUED:
            self._settle_loss(order, result.reason)
        elif self._may_retry(order, result):
            delay = timedelta(seconds=self._node(order.number).retry_delay)
            self._requeue(Requeue(order.number, result.reason, self.now + delay))
        else:
            self._end(order.number, result.status, result.reason)

    def _settle_loss(self, order: Order, reason: str) -> None:
        if order.losses < MAX_LOSSES:
            delay = timedelta(seconds=2 ** (order.losses - 1) if order.losses else 0)
            self._requeue(Requeue(order.number, reason, self.now + delay, loss=True))
        else:
            self._end(order.number, OrderStatus.FAILED, reason)

    def _may_retry(self, order: Order, result: Result) -> bool:
        failed = result.status in (OrderStatus.FAILED, OrderStatus.TIMED_OUT)
        return failed and order.tries <= self._node(order.number).retries

    def _watch(self, order: Order, why: str) -> None:
        if order.stop_asked_at:
            self._await_stop(order, order.stop_asked_at, why)
        elif why:
            self.actions.append(Stop(order.number))
            self.times.append(self.now + STOP_GRACE)
        elif order.started_at:
            late = order.started_at + timedelta(seconds=self._node(order.number).timeout)
            late += grace_of(self._node(order.number).target)
            if self.now >= late:
                timed_out = Result(
                    number=order.number, attempt=order.attempt, status=OrderStatus.TIMED_OUT, reason="timeout"
                )
                self._settle(order, timed_out, why)
            else:
                self.times.append(late)

    def _await_stop(self, order: Order, asked: datetime, why: str) -> None:
        if self.now < asked + STOP_GRACE:
            self.times.append(asked + STOP_GRACE)
        else:
            status = OrderStatus.TIMED_OUT if why == JOB_TIMEOUT else OrderStatus.CANCELLED
            self._end(order.number, status, "could_not_be_stopped")

    def _look_at_queued(self, why: str) -> None:
        if OrderStatus.QUEUED not in self.statuses:
            return
        active = self._numbers(OrderStatus.DISPATCHING, OrderStatus.RUNNING)
        self.room = self.board.job.max_parallel - len(active)
        self.tenant_room = self.board.room
        self.held = {queue for number in active if (queue := self._node(number).queue_id)}
        for number in self.board.plan.topological:
            if self.statuses[number - 1] is not OrderStatus.QUEUED or number in self.requeued:
                continue
            if why:
                self._end(number, OrderStatus.CANCELLED, why)
            elif self._hopeless(number):
                required = self._node(number).must_succeed
                self._end(number, OrderStatus.FAILED if required else OrderStatus.SKIPPED, "dependency_failed")
            elif self._is_ready(number):
                self._claim(number)

    def _hopeless(self, number: int) -> bool:
        node = self._node(number)
        return node.run_when is RunWhen.ALL_SUCCEEDED and any(
            self.statuses[each - 1].ended and not self._satisfied(each) for each in node.dependencies
        )

    def _is_ready(self, number: int) -> bool:
        if not all(self.statuses[each - 1].ended for each in self._node(number).dependencies):
            return False
        order = self.board.orders.get(number)
        if order and order.not_before and order.not_before > self.now and order.status is OrderStatus.QUEUED:
            self.times.append(order.not_before)
            return False
        return True

    def _satisfied(self, number: int) -> bool:
        """It succeeded, or it ran, did not succeed, and is optional."""
        status = self.statuses[number - 1]
        optional = not self._node(number).must_succeed
        return status is OrderStatus.SUCCEEDED or (optional and status in (OrderStatus.FAILED, OrderStatus.TIMED_OUT))

    def _claim(self, number: int) -> None:
        queue = self._node(number).queue_id
        if self.board.why_held or self.room <= 0 or queue in self.held:
            return
        if self.tenant_room == 0:
            self.at_limit = True
            return
        if queue in self.board.busy_queues:
            self.blocked.add(str(queue))
            return
        if queue:
            self.held.add(queue)
        self.room -= 1
        if self.tenant_room is not None:
            self.tenant_room -= 1
        self.statuses[number - 1] = OrderStatus.DISPATCHING
        self.actions.append(Claim(number))

    def _end(self, number: int, status: OrderStatus, reason: str) -> None:
        self.statuses[number - 1] = status
        self.actions.append(End(number, status, reason))
        if for_want_of_money(reason):
            self.out_of_budget.add(number)

    def _requeue(self, action: Requeue) -> None:
        self.statuses[action.number - 1] = OrderStatus.QUEUED
        self.requeued.add(action.number)
        self.actions.append(action)
        self.times.append(action.not_before)

    def _node(self, number: int) -> Node:
        return self.board.plan.nodes[number - 1]

    def _job_status(self, why: str) -> JobStatus:
        required = {
            status for status, node in zip(self.statuses, self.board.plan.nodes, strict=True) if node.must_succeed
        }
        if why == CANCELLED and not required <= {OrderStatus.SUCCEEDED}:
            return JobStatus.CANCELLED
        if why == JOB_TIMEOUT and not required <= {OrderStatus.SUCCEEDED}:
            return JobStatus.TIMED_OUT
        if OrderStatus.FAILED in required:
            return JobStatus.FAILED if self._failed() - self.out_of_budget else JobStatus.BUDGET_EXCEEDED
        return JobStatus.TIMED_OUT if OrderStatus.TIMED_OUT in required else JobStatus.SUCCEEDED

    def _failed(self) -> set[int]:
        """Required orders that failed."""
        return {number for number in self._numbers(OrderStatus.FAILED) if self._node(number).must_succeed}

    def _warnings(self) -> int:
        did_not = (OrderStatus.FAILED, OrderStatus.TIMED_OUT)
        return sum(
            status in did_not and not node.must_succeed
            for status, node in zip(self.statuses, self.board.plan.nodes, strict=True)
        )


Describe = Callable[[int], str]


def waiting_reasons(board: Board, name_of: Describe, now: datetime) -> Iterator[tuple[int, str]]:
    """For every order that waits, what it waits for, in words."""
    active = sum(status in (OrderStatus.DISPATCHING, OrderStatus.RUNNING) for status in board.statuses)
    full = active >= board.job.max_parallel
    for number, status in enumerate(board.statuses, 1):
        if status is OrderStatus.DISPATCHING:
            yield number, board.why_held or "waits for a free worker"
        elif status is OrderStatus.QUEUED:
            yield number, _why_queued(board, number, name_of, now, full=full)


def _why_queued(  # noqa: PLR0911 - a table of reasons
    board: Board, number: int, name_of: Describe, now: datetime, *, full: bool
) -> str:
    node, order = board.plan.nodes[number - 1], board.orders.get(number)
    pending = [each for each in node.dependencies if not board.statuses[each - 1].ended]
    if pending:
        more = f" and {len(pending) - 3} more" if len(pending) > 3 else ""  # noqa: PLR2004 - a line stays a line
        return f"waits for {', '.join(map(name_of, pending[:3]))}{more}"
    if order and order.not_before and order.not_before > now:
        seconds = max(1, round((order.not_before - now).total_seconds()))
        return f"next attempt in {seconds} s ({order.reason})" if order.reason else f"next attempt in {seconds} s"
    if board.why_held:
        return board.why_held
    if full:
        return f"waits for its turn: {board.job.max_parallel} orders of this job run already (max_parallel)"
    if board.room == 0:
        return "waits for its turn: the organisation has as many orders in flight as its limit allows"
    if node.queue_id:
        return f"waits for the queue `{node.queue_id}`, which another order holds"
    return HANDED_OUT
