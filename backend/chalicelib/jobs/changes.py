"""The writes of one look at a job, gathered into transactions that keep it consistent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.documents import TRANSACTION_LIMIT, Absent, Check, Condition, Delete, FieldIs, Put, Write
from chalicelib.jobs import duties, slots, store
from chalicelib.jobs.decide import HELD, LOST, PAUSED, STOPPED, Claim, Decision, End, Requeue, Stop, for_want_of_money
from chalicelib.jobs.lock import Lock
from chalicelib.jobs.model import (
    OUT_OF_BUDGET,
    QUEUED_AGAIN,
    STATE_LETTERS,
    Attempt,
    Event,
    Job,
    JobStatus,
    Order,
    OrderStatus,
    Report,
    check_job_transition,
    check_order_transition,
)
from chalicelib.jobs.results import running_event
from chalicelib.notifications import notices
from chalicelib.notifications.model import Notice, NoticeKind
from chalicelib.wiring import Ports

ENGINE = "millrace"
KEPT_ATTEMPTS = 30


class Changes:
    """Collects what happens to a job and its orders; `commit` writes it if nobody else wrote meanwhile."""

    def __init__(
        self,
        ports: Ports,
        job: Job,
        *,
        orders: Mapping[int, Order],
        reports: Mapping[int, Report],
        held: Lock,
        now: datetime,
        carried: Report | None = None,
        free_slots: Iterable[int] = (),
        notifies: bool = False,
    ) -> None:
        self.job = job
        self._ports = ports
        self._orders = dict(orders)
        self._reports = reports if carried is None else {**reports, carried.number: carried}
        self._carried = carried
        self.held = held
        self._now = now
        self._states = list(job.states)
        self._writes: list[Write] = []
        self._claimed: list[Order] = []
        self._kept: Order | None = None
        self._stopped: list[Order] = []
        self._freed: list[str] = []
        self._free_slots = iter(free_slots)
        self._freed_slot = False
        self._notifies = notifies
        self._notice: Notice | None = None
        self._owed = False

    @property
    def is_full(self) -> bool:
        """True when another action and the job's own writes might not fit into one transaction."""
        return len(self._writes) > TRANSACTION_LIMIT - 10

    def order(self, number: int) -> Order:
        return self._orders[number]

    def load(self, numbers: Iterable[int]) -> None:
        """Orders the board did not need for deciding. Those it had stay as they were: they are what was decided on."""
        missing = [number for number in numbers if number not in self._orders]
        self._orders.update(store.load_orders(self._ports.documents, self.job, missing))

    def claim(self, action: Claim, *, keeper: str = "") -> None:
        """Hand the order to its target; or begin it at once, for the worker `keeper` that asks."""
        before = self._orders[action.number]
        after = replace(
            before,
            status=OrderStatus.DISPATCHING,
            reason="",
            attempt=before.attempt + 1,
            tries=before.tries + 1,
            not_before=None,
            dispatched_at=self._now,
            started_at=None,
            ended_at=None,
            worker="",
            stop_asked_at=None,
            exit_code=None,
            slot=next(self._free_slots, 0),
        )
        if keeper:
            after = self._begin(before, after, keeper)
        else:
            self._write(before, after)
            self._claimed.append(after)
        if after.slot:
            self._writes.append(slots.take(self.job, after))
        if queue_id := before.spec.queue_id:
            self._hold(queue_id, before.number)

    def _begin(self, before: Order, claimed: Order, worker: str) -> Order:
        check_order_transition(before.status, claimed.status)
        after = replace(claimed, status=OrderStatus.RUNNING, started_at=self._now, worker=worker)
        self._write(replace(before, status=claimed.status), after)
        self._writes.append(Put(store.runner_key(worker, self.job.job_id, after.number), {}))
        event = running_event(self._ports.clock, after.number, after.attempt, self._now)
        self._writes.append(store.put_event(self.job.job_id, event))
        self._kept = after
        return after

    def stop(self, action: Stop) -> None:
        before = self._orders[action.number]
        self._write(before, replace(before, stop_asked_at=self._now))
        self._stopped.append(before)

    def requeue(self, action: Requeue) -> None:
        before = self._orders[action.number]
        attempt = self._attempt(before, OrderStatus.FAILED, action.reason)
        after = replace(
            before,
            status=OrderStatus.QUEUED,
            reason=action.reason,
            not_before=action.not_before,
            tries=before.tries - action.loss,
            losses=before.losses + (action.loss and action.reason not in (STOPPED, HELD, PAUSED)),
            slot=0,
            attempts=_appended(before.attempts, attempt),
        )
        self._take_result(before, stop=action.reason != LOST)
        self._write(before, after)
        self._record(after, "order.again", action.reason)
        self._free(before)

    def end(self, action: End) -> None:
        before = self._orders[action.number]
        report = self._reports.get(before.number)
        ran = before.status in (OrderStatus.DISPATCHING, OrderStatus.RUNNING)
        attempt = self._attempt(before, action.status, action.reason)
        after = replace(
            before,
            status=action.status,
            reason=action.reason,
            not_before=None,
            ended_at=attempt.ended_at or self._now,
            exit_code=attempt.exit_code,
            attempts=_appended(before.attempts, attempt) if ran else before.attempts,
            artifacts=tuple(report.artifacts) if report and ran else (),
            slot=0,
        )
        if ran:
            self._take_result(before, stop=action.reason != LOST)
        self._write(before, after)
        self._record(after, f"order.{action.status}", action.reason)
        if ran:
            self._free(before)

    def commit(self, decision: Decision | None) -> None:
        """Write what was gathered. The last chunk of a decision brings what it says of the whole job."""
        before = self.job
        states = "".join(self._states)
        status = JobStatus.RUNNING if before.status is JobStatus.QUEUED and self._has_begun(states) else before.status
        started_at = before.started_at or (self._now if status is JobStatus.RUNNING else None)
        after = replace(before, states=states, status=status, started_at=started_at)
        if decision:
            after = replace(after, warnings=decision.warnings, deadline=decision.deadline, look_at=decision.look_at)
        if decision and decision.finish:
            after = replace(after, status=decision.finish, ended_at=self._now)
            finished = self._finished(after)
            self._writes.append(store.put_event(before.job_id, finished))
            if self._notifies:
                self._notice = notice_of_end(after, finished.message, self._now)
                self._writes.append(notices.put(self._notice))
        if self._is_owed(before, after):
            self._owed = True
            self._writes.append(duties.new(self._ports, after))
        if after.status is not before.status:
            check_job_transition(before.status, after.status)
        self._ports.documents.transact([self.held.check(), store.put_job(after), *self._writes])
        self._writes = []
        self.job = replace(after, version=before.version + 1)

    def is_due(self, decision: Decision) -> bool:
        """Whether a look that changed no order must still move the job's next look, or its end."""
        look_at = self.job.look_at
        stale = look_at is None or look_at <= self._now
        sooner = decision.look_at is not None and look_at is not None and decision.look_at < look_at
        return bool(decision.finish) or stale or sooner or decision.deadline != self.job.deadline

    def take_claimed(self) -> list[Order]:
        taken, self._claimed = self._claimed, []
        return taken

    def take_kept(self) -> Order | None:
        taken, self._kept = self._kept, None
        return taken

    def take_stopped(self) -> list[Order]:
        taken, self._stopped = self._stopped, []
        return taken

    def take_freed_queues(self) -> list[str]:
        taken, self._freed = self._freed, []
        return taken

    def take_notice(self) -> Notice | None:
        taken, self._notice = self._notice, None
        return taken

    def take_duty(self) -> bool:
        taken, self._owed = self._owed, False
        return taken

    def take_freed_slot(self) -> bool:
        taken, self._freed_slot = self._freed_slot, False
        return taken

    def _is_owed(self, before: Job, after: Job) -> bool:
        if after.status.ended:
            return duties.at_end(self._ports, after)
        changed = (before.status, before.states) != (after.status, after.states)
        return changed and duties.at_change(after)

    @staticmethod
    def _has_begun(states: str) -> bool:
        return bool(set(states) - {STATE_LETTERS[OrderStatus.QUEUED]})

    def _write(self, before: Order, after: Order) -> None:
        if after.status is not before.status:
            check_order_transition(before.status, after.status)
        self._states[after.number - 1] = _letter(after)
        self._writes.append(store.update_order(self.job.job_id, after))
        self._orders[after.number] = replace(after, version=before.version + 1)

    def _take_result(self, order: Order, *, stop: bool) -> None:
        """The result that was read is used up; if there was none, none may have come meanwhile."""
        key = store.result_key(self.job.job_id, order.number)
        report = self._reports.get(order.number)
        if report is self._carried and report is not None:
            self._writes.append(Check(key, [Absent()]))
            self._writes.append(Delete(store.runner_key(report.worker, self.job.job_id, order.number)))
        elif report:
            self._writes.append(Delete(key))
        else:
            self._writes.append(Check(key, [Absent()]))
            if stop:
                self._stopped.append(order)
            if order.worker:
                self._writes.append(Delete(store.runner_key(order.worker, self.job.job_id, order.number)))

    def _attempt(self, order: Order, status: OrderStatus, reason: str) -> Attempt:
        report = self._reports.get(order.number)
        return Attempt(
            number=order.attempt,
            status=status,
            reason=reason,
            worker=order.worker,
            started_at=order.started_at,
            ended_at=report.ended_at if report else self._now,
            exit_code=report.exit_code if report else None,
        )

    def _record(self, order: Order, kind: str, message: str) -> None:
        event = Event(
            event_id=self._ports.clock.new_id(),
            at=self._now,
            actor=ENGINE,
            kind=kind,
            order_number=order.number,
            message=message,
            attempt=order.attempt or None,
        )
        self._writes.append(store.put_event(self.job.job_id, event))

    def _finished(self, job: Job) -> Event:
        summary = ", ".join(f"{count} {status}" for status, count in job.counts.items())
        return Event(
            event_id=self._ports.clock.new_id(), at=self._now, actor=ENGINE, kind=f"job.{job.status}", message=summary
        )

    def _hold(self, queue_id: str, number: int) -> None:
        """Take the queue_id for an order; one that this very transaction frees is passed on."""
        key = store.mutex_key(self.job.tenant_id, queue_id)
        if Delete(key) in self._writes:
            self._writes.remove(Delete(key))
            self._freed.remove(queue_id)
            condition: Condition = FieldIs("job_id", self.job.job_id)
        else:
            condition = Absent()
        self._writes.append(Put(key, {"job_id": self.job.job_id, "number": number}, [condition]))
        self._writes.append(Delete(store.mutex_waiter_key(self.job.tenant_id, queue_id, self.job.job_id)))

    def _free(self, order: Order) -> None:
        if queue_id := order.spec.queue_id:
            self._writes.append(Delete(store.mutex_key(self.job.tenant_id, queue_id)))
            self._freed.append(queue_id)
        if order.slot:
            self._writes.append(slots.give_back(self.job, order))
            self._freed_slot = True


def _letter(order: Order) -> str:
    if order.status is OrderStatus.QUEUED:
        return QUEUED_AGAIN
    spent = order.status is OrderStatus.FAILED and for_want_of_money(order.reason)
    return OUT_OF_BUDGET if spent else STATE_LETTERS[order.status]


def notice_of_end(job: Job, summary: str, now: datetime) -> Notice:
    """A job that is retried ends again, in another version of itself."""
    well = job.status in (JobStatus.SUCCEEDED, JobStatus.CANCELLED)
    return Notice(
        notice_id=f"job-{job.job_id}-{job.version}",
        tenant_id=job.tenant_id,
        kind=NoticeKind.JOB_FINISHED if well else NoticeKind.JOB_FAILED,
        at=now,
        data={"job_id": job.job_id, "name": job.name, "status": job.status.value, "summary": summary},
        username=job.username,
    )


def _appended(attempts: Sequence[Attempt], attempt: Attempt) -> tuple[Attempt, ...]:
    return (*attempts, attempt)[-KEPT_ATTEMPTS:]
