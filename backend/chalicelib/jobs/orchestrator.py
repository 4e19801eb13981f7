"""Loads a job, asks `decide`, writes what it says by conditional writes, and performs it.

Level-triggered: a wake-up says only "look at this job". Losing a conditional write means that somebody knew better;
the job is then read again.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chalicelib.accounts.tenants.standing import Standing, standing
from chalicelib.documents import ConditionFailed, Put, Range
from chalicelib.errors import MillraceError, NotFound
from chalicelib.jobs import dag, duties, lock, results, slots, store
from chalicelib.jobs.changes import Changes
from chalicelib.jobs.decide import CANCELLED, Board, Claim, Decision, End, Node, Plan, Requeue, Result, Stop, decide
from chalicelib.jobs.dispatching import assignment_of, dispatch_failed, mark_running
from chalicelib.jobs.executors import DispatchFailed, Started
from chalicelib.jobs.far import executor_of, is_far
from chalicelib.jobs.lock import Lock
from chalicelib.jobs.model import STATUS_OF_LETTER, Job, Order, OrderStatus, Report, Target
from chalicelib.jobs.wakeups import wake
from chalicelib.notifications import notices
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

CACHED_PLANS = 200
AT_ONCE = 8
"""Orders that are brought to providers beside each other."""
_ACTIVE = frozenset({OrderStatus.DISPATCHING, OrderStatus.RUNNING})
_LOADED_LETTERS = frozenset("drw")


@dataclass(slots=True)
class _Errand:
    """What a worker brings to a look, and the order it goes away with."""

    report: Report
    keeper: str
    order: Order | None = None


class Orchestrator:
    """One per process; safe for several threads and several processes at once."""

    def __init__(self, ports: Ports, *, owner: str) -> None:
        self._ports = ports
        self._owner = owner
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    def look(self, job_id: str) -> None:
        """Bring the job as far as it can go now. Returns at once when somebody else is doing that."""
        held = lock.acquire(self._ports.documents, self._ports.clock, job_id, owner=self._owner)
        if held is not None:
            self._bring_on(job_id, held)

    def take_up(self, job_id: str, report: Report, *, keeper: str = "") -> Order | None:
        """A result that is not stored yet, and what follows from it, in one write where that is possible.

        The worker `keeper` gets an order of the same job back, begun already, when one is ready and nobody waits for
        a worker. A result that cannot be taken up at once is stored, and the job looked at as ever.
        """
        held = lock.acquire(self._ports.documents, self._ports.clock, job_id, owner=self._owner, mark=False)
        if held is None:
            results.report(self._ports, job_id, report)
            self.look(job_id)
            return None
        errand = _Errand(report, keeper)
        try:
            self._run_errand(job_id, held, errand)
        except MillraceError as error:
            if errand.order is None:
                raise
            # It is begun, so it must be run; what else was to be done is left to the sweeper.
            log.warning("job %s could not be brought on further: %s", job_id, error.detail)
        return errand.order

    def _run_errand(self, job_id: str, held: Lock, errand: _Errand) -> None:
        try:
            again = self._pass(job_id, held, errand)
        except (ConditionFailed, NotFound):
            again = True
            if errand.order is None:
                results.report(self._ports, job_id, errand.report)
        if again or held.after_crash or not lock.release(self._ports.documents, held):
            self._bring_on(job_id, held)

    def _bring_on(self, job_id: str, held: Lock) -> None:
        if held.after_crash:
            self._hand_out_again(job_id, held)
        while True:
            self._settle(job_id, held)
            if lock.release(self._ports.documents, held):
                return

    def _settle(self, job_id: str, held: Lock) -> None:
        again = True
        while again:
            try:
                again = self._pass(job_id, held)
            except ConditionFailed as lost:
                if store.lock_key(job_id) in lost.keys:
                    log.warning("lock of job %s was taken over", job_id)
                    return
            except NotFound:
                return

    def _pass(self, job_id: str, held: Lock, errand: _Errand | None = None) -> bool:
        """One look; True when it is worth another at once."""
        job = store.find_job(self._ports.documents, job_id)
        if job.status.ended:
            return False
        now = self._ports.clock.now()
        reports = self._reports(job_id)
        carried = errand.report if errand and errand.report.number not in reports else None
        known = reports if carried is None else {**reports, carried.number: carried}
        tenant = standing(self._ports.documents, job.tenant_id)
        free_slots = slots.free(self._ports.documents, job, tenant.limits.concurrency)
        board = self._board(job, known, tenant, room=None if free_slots is None else len(free_slots))
        decision = decide(board, now)
        changes = Changes(
            self._ports,
            job,
            orders=board.orders,
            reports=reports,
            held=held,
            now=now,
            carried=carried,
            free_slots=free_slots or (),
            notifies=tenant.notifies,
        )
        failed = self._apply(decision, changes, errand)
        became_free = self._queue_up(job, decision.blocked_queues)
        if decision.at_limit:
            became_free |= slots.wait(self._ports.documents, job, tenant.limits.concurrency)
        return failed or became_free or (decision.look_at is not None and decision.look_at <= now)

    def _reports(self, job_id: str) -> Mapping[int, Report]:
        within = Range(prefix="result#")
        page = self._ports.documents.query(store.partition(job_id), within, limit=1000)
        return {each.number: each for each in map(store.to_report, page.items)}

    def _board(self, job: Job, reports: Mapping[int, Report], tenant: Standing, *, room: int | None) -> Board:
        documents = self._ports.documents
        plan = self._plan(job)
        statuses = [STATUS_OF_LETTER[letter] for letter in job.states]
        numbers = [number for number, letter in enumerate(job.states, 1) if letter in _LOADED_LETTERS]
        orders = store.load_orders(documents, job, numbers)
        for number, order in orders.items():
            statuses[number - 1] = order.status
        results = {
            each.number: Result(number=each.number, attempt=each.attempt, status=each.status, reason=each.reason)
            for each in reports.values()
        }
        lost = {
            number
            for number, order in orders.items()
            if order.status is OrderStatus.RUNNING
            and number not in results
            and executor_of(self._ports, order.spec.target).lost(order)
        }
        return Board(
            job=job,
            plan=plan,
            statuses=statuses,
            orders=orders,
            results=results,
            lost=frozenset(lost),
            busy_queues=self._busy_queues(job, plan, statuses),
            why_held=why_held(job, tenant),
            room=room,
        )

    def _plan(self, job: Job) -> Plan:
        plan = self._plans.get(job.job_id)
        if plan is None:
            plan = plan_of(store.load_all_orders(self._ports.documents, job))
            self._plans[job.job_id] = plan
            if len(self._plans) > CACHED_PLANS:
                self._plans.popitem(last=False)
        return plan

    def _busy_queues(self, job: Job, plan: Plan, statuses: list[OrderStatus]) -> frozenset[str]:
        """queue_ids that queued orders want and other jobs hold."""
        wanted = {
            node.queue_id
            for node, status in zip(plan.nodes, statuses, strict=True)
            if node.queue_id and status is OrderStatus.QUEUED
        }
        return frozenset(queue_id for queue_id in wanted if self._holder(job, queue_id) not in ("", job.job_id))

    def _holder(self, job: Job, queue_id: str) -> str:
        found = self._ports.documents.get(store.mutex_key(job.tenant_id, queue_id))
        return str(found.body["job_id"]) if found else ""

    def _apply(self, decision: Decision, changes: Changes, errand: _Errand | None) -> bool:
        """In transactions of bounded size, each of which leaves the job consistent; then what each entails.

        True when something of it calls for another look: the dispatch of an order failed, or a stop ended one.
        """
        changes.load(action.number for action in decision.actions)
        failed = False
        for action in decision.actions:
            if changes.is_full:
                changes.commit(None)
                failed |= self._perform(changes, errand)
            match action:
                case End():
                    changes.end(action)
                case Requeue():
                    changes.requeue(action)
                case Claim():
                    changes.claim(action, keeper=self._keeper(changes, action.number, errand))
                case Stop():
                    changes.stop(action)
        if decision.actions or changes.is_due(decision):
            changes.commit(decision)
            failed |= self._perform(changes, errand)
        return failed

    def _keeper(self, changes: Changes, number: int, errand: _Errand | None) -> str:
        """The worker that may begin the order itself: the first one claimed on its errand, if nobody waits."""
        if errand is None or not errand.keeper:
            return ""
        executor = executor_of(self._ports, changes.order(number).spec.target)
        keeper, errand.keeper = errand.keeper, ""
        return keeper if executor.may_keep() else ""

    def _perform(self, changes: Changes, errand: _Errand | None) -> bool:
        """What follows from committed changes outside the documents. True when it calls for another look."""
        if errand and (kept := changes.take_kept()):
            errand.order = kept
        stopped = [self._stop(changes.job, order) for order in changes.take_stopped()]
        failed = self._hand_out(changes.job, changes.take_claimed(), changes.held) or any(stopped)
        for queue_id in changes.take_freed_queues():
            self._wake_waiters(changes.job, queue_id)
        if notice := changes.take_notice():
            notices.wake(self._ports, notice)
        if changes.take_duty():
            duties.wake(self._ports, changes.job)
        if changes.take_freed_slot():
            slots.wake_waiters(self._ports, changes.job.tenant_id)
        return failed

    def _stop(self, job: Job, order: Order) -> bool:
        """True when it has ended by that, and was reported."""
        assignment = assignment_of(job, order)
        if not executor_of(self._ports, order.spec.target).stop(order, assignment):
            return False
        cancelled = results.report_of(
            self._ports,
            assignment,
            worker=order.worker,
            status=OrderStatus.CANCELLED,
            reason=CANCELLED,
            started_at=order.started_at,
        )
        return results.report(self._ports, job.job_id, cancelled)

    def _hand_out(self, job: Job, orders: Iterable[Order], held: Lock) -> bool:
        """True when the dispatch of one failed. Those that go far away go one by one, beside each other."""
        near: dict[Target, list[Order]] = {}
        far: list[tuple[Target, list[Order]]] = []
        for order in orders:
            if is_far(self._ports, order.spec.target):
                far.append((order.spec.target, [order]))
            else:
                near.setdefault(order.spec.target, []).append(order)
        groups = [*near.items(), *far]
        if not far:
            failures = [self._start(job, target, group) for target, group in groups]
            return any(failures)
        lock.extend(self._ports.documents, self._ports.clock, held)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dispatch") as pool:
            return any(list(pool.map(lambda group: self._start(job, *group), groups)))

    def _start(self, job: Job, target: Target, orders: list[Order]) -> bool:
        """True when it failed."""
        try:
            started = executor_of(self._ports, target).start([assignment_of(job, order) for order in orders])
        except DispatchFailed as failure:
            log.warning("dispatch of job %s to %s failed: %s", job.job_id, target, failure)
            dispatch_failed(self._ports, job, orders, str(failure))
            return True
        if started is Started.RUNNING:
            mark_running(self._ports, job, orders)
        return False

    def _hand_out_again(self, job_id: str, held: Lock) -> None:
        """After a crash nobody knows whether claimed orders reached their target; handing over twice is harmless."""
        try:
            job = store.find_job(self._ports.documents, job_id)
        except NotFound:
            return
        numbers = [number for number, letter in enumerate(job.states, 1) if letter in "dr"]
        orders = store.load_orders(self._ports.documents, job, numbers).values()
        self._hand_out(job, [order for order in orders if order.status is OrderStatus.DISPATCHING], held)

    def _queue_up(self, job: Job, queue_ids: frozenset[str]) -> bool:
        """Leave word to be woken when a queue_id is free; True when one became free meanwhile."""
        if not queue_ids:
            return False
        waiting = [Put(store.mutex_waiter_key(job.tenant_id, each, job.job_id), {}) for each in sorted(queue_ids)[:50]]
        self._ports.documents.transact(waiting)
        return any(not self._holder(job, each) for each in queue_ids)

    def _wake_waiters(self, job: Job, queue_id: str) -> None:
        waiters = self._ports.documents.query(
            store.mutex_key(job.tenant_id, queue_id).partition, Range(prefix="waiter#"), limit=3
        )
        for each in waiters.items:
            wake(self._ports, each.key.sort.removeprefix("waiter#"), tenant_id=job.tenant_id)


def why_held(job: Job, tenant: Standing) -> str:
    """Why nothing of the job may start, in words; empty when it may."""
    return tenant.why_held or (f"paused by {job.paused_by}" if job.paused_by else "")


def plan_of(orders: Iterable[Order]) -> Plan:
    specs = [order.spec for order in orders]
    dependencies = [tuple(spec.dependencies) for spec in specs]
    nodes = tuple(
        Node(
            dependencies=tuple(spec.dependencies),
            must_succeed=spec.must_succeed,
            run_when=spec.run_when,
            retries=spec.retries,
            retry_delay=spec.retry_delay,
            timeout=spec.timeout,
            queue_id=spec.queue_id,
            target=spec.target,
        )
        for spec in specs
    )
    return Plan(nodes, tuple(number for layer in dag.layers(dependencies) for number in layer))


def board_of(job: Job, orders: Iterable[Order], *, why_held: str = "", room: int | None = None) -> Board:
    """A board for looking at, from all orders of a job."""
    everything = list(orders)
    return Board(
        job=job,
        plan=plan_of(everything),
        statuses=[order.status for order in everything],
        orders={order.number: order for order in everything},
        why_held=why_held,
        room=room,
    )
