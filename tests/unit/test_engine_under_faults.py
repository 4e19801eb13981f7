"""Any job, any faults: crashes at every write, wake-ups lost and doubled, two orchestrators, dying workers."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.jobs import operations, results, store
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.model import JobStatus, OrderStatus
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.jobs.sweeper import sweep_due
from tests import make
from tests.engine import Crash, CrashingDocuments, Engine

S, F = OrderStatus.SUCCEEDED, OrderStatus.FAILED
OUTCOMES = st.sampled_from([S, S, S, F, OrderStatus.TIMED_OUT, OrderStatus.QUEUED])
FAULTS = st.sampled_from([None] * 20 + [(writes, after) for writes in range(3) for after in (False, True)])
"""Nothing, or how many writes an actor still makes before it dies, and whether it does the one it dies at."""


@st.composite
def submissions(draw):
    orders = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        earlier = st.sets(st.integers(1, number - 1), max_size=3) if number > 1 else st.just(set())
        fields = {
            "must_succeed": draw(st.booleans()),
            "run_when": draw(st.sampled_from(["all_succeeded", "all_done"])),
            "retries": draw(st.integers(0, 1)),
            "queue_id": draw(st.sampled_from([None, None, "shared"])),
        }
        orders.append(make.order(after=sorted(draw(earlier)), **fields))
    return make.request(*orders, max_parallel=draw(st.integers(1, 4)))


class FaultyHome(RuleBasedStateMachine):
    @initialize(request=submissions())
    def submit(self, request):
        engine = Engine()
        self.store = CrashingDocuments(engine.ports.documents)
        self.engine = Engine(replace(engine.ports, documents=self.store))
        self.ports = self.engine.ports
        self.orchestrators = [Orchestrator(self.ports, owner=name) for name in ("one", "two")]
        self.job_id = operations.submit(self.ports, self.engine.me, request).job_id
        self.begun: list[tuple[Assignment, str]] = []
        self.workers = 0
        self.seen_ended: dict[int, str] = {}
        self.round = 0
        self.crashes = 0
        self.reported: set[Assignment] = set()
        self.accepted: dict[tuple[int, int], OrderStatus] = {}

    def at_risk(self, act, fault):
        """Do it; when the process dies on the way, others go on."""
        if fault:
            self.store.writes_left, self.store.after = fault
        try:
            return act()
        except Crash:
            event("a process died at a write")
            self.crashes += 1
            return None
        finally:
            self.store.writes_left = None

    @rule(which=st.integers(0, 1), fault=FAULTS)
    def wake_up(self, which, fault):
        self.at_risk(lambda: self.orchestrators[which].look(self.job_id), fault)

    @precondition(lambda self: self.engine.target.handed)
    @rule(data=st.data(), fault=FAULTS)
    def begin(self, data, fault):
        """Mostly what nobody began yet; at times a message that came again."""
        begun = [each for each, _ in self.begun]
        handed = self.engine.target.handed
        waiting = [each for each in handed if each not in begun] or handed
        assignment = data.draw(st.sampled_from(waiting * 3 + handed))
        self.workers += 1
        worker = f"w{self.workers}"
        if self.at_risk(lambda: results.begin(self.ports, assignment, worker=worker), fault):
            self.begun.append((assignment, worker))
        else:
            # It was not ours to begin, or we died beginning it.
            self.engine.target.gone.add(worker)

    def somebody_at_work(self, data):
        """Mostly one whose result is awaited; at times one that reports again."""
        gone = self.engine.target.gone
        awaited = [each for each in self.begun if each[0] not in self.reported and each[1] not in gone]
        return data.draw(st.sampled_from(awaited * 4 + self.begun))

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), status=OUTCOMES, fault=FAULTS)
    def report(self, data, status, fault):
        assignment, worker = self.somebody_at_work(data)
        if worker in self.engine.target.gone:
            return
        if self.at_risk(lambda: self.report_now(assignment, worker, status), fault):
            self.reported.add(assignment)
            assert (assignment.number, assignment.attempt) not in self.accepted
            self.accepted[assignment.number, assignment.attempt] = status

    @precondition(lambda self: self.begun)
    @rule(
        data=st.data(),
        status=OUTCOMES,
        which=st.integers(0, 1),
        keeps=st.sampled_from([True, True, False]),
        fault=FAULTS,
    )
    def take_up(self, data, status, which, keeps, fault):
        """As a worker of our own does: the result and what follows in one write, and the next order for itself."""
        assignment, worker = self.somebody_at_work(data)
        if worker in self.engine.target.gone:
            return
        self.engine.target.keeps = keeps
        report = results.report_of(self.ports, assignment, worker=worker, status=status)
        crashes = self.crashes
        kept = self.at_risk(lambda: self.orchestrators[which].take_up(self.job_id, report, keeper=worker), fault)
        if self.crashes > crashes:
            self.engine.target.gone.add(worker)
        else:
            self.reported.add(assignment)
        if kept:
            event("a worker went on by itself")
            self.begun.append((replace(assignment, number=kept.number, attempt=kept.attempt), worker))

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def kill_worker(self, data):
        self.engine.target.gone.add(data.draw(st.sampled_from(self.begun))[1])

    @rule(seconds=st.sampled_from([1, 6, 31, 70]), fault=FAULTS)
    def pass_time(self, seconds, fault):
        self.ports.clock.tick(seconds)
        self.at_risk(lambda: sweep_due(self.ports, self.orchestrators[0]), fault)

    @precondition(lambda self: self.round == 0 and not self.engine.job(self.job_id).status.ended)
    @rule(really=st.sampled_from([False] * 9 + [True]), fault=FAULTS)
    def cancel(self, really, fault):
        if really:
            self.at_risk(lambda: operations.cancel(self.ports, self.engine.me, self.job_id), fault)

    @precondition(lambda self: self.engine.job(self.job_id).status.ended and self.round < 2)
    @rule(fault=FAULTS)
    def retry(self, fault):
        if self.engine.job(self.job_id).status is not JobStatus.SUCCEEDED:
            self.at_risk(lambda: operations.retry(self.ports, self.engine.me, self.job_id), fault)
            if not self.engine.job(self.job_id).status.ended:
                self.round += 1
                self.seen_ended = {}

    @invariant()
    def what_ended_stays_ended(self):
        if not hasattr(self, "job_id"):
            return
        for number, status in enumerate(self.engine.statuses(self.job_id), 1):
            assert self.seen_ended.get(number, status) == status
            if OrderStatus(status).ended:
                self.seen_ended[number] = status

    @invariant()
    def the_job_has_ended_only_if_its_orders_have(self):
        if hasattr(self, "job_id") and self.engine.job(self.job_id).status.ended:
            assert all(OrderStatus(each).ended for each in self.engine.statuses(self.job_id))

    @invariant()
    def no_attempt_was_begun_twice(self):
        if hasattr(self, "job_id"):
            attempts = [(each.number, each.attempt) for each, _ in self.begun]
            assert len(attempts) == len(set(attempts))

    @invariant()
    def parallelism_is_bounded(self):
        if hasattr(self, "job_id"):
            active = [each for each in self.engine.statuses(self.job_id) if each in ("dispatching", "running")]
            assert len(active) <= self.engine.job(self.job_id).max_parallel

    def teardown(self):
        """The faults end here. However it was left, the job ends, and nobody holds a queue_id any more."""
        if not hasattr(self, "job_id"):
            return
        self.store.writes_left = None
        self.engine.target.gone |= {worker for _, worker in self.begun}
        for turn in range(200):
            if self.engine.job(self.job_id).status.ended:
                break
            self.ports.clock.tick(10)
            sweep_due(self.ports, self.orchestrators[1])
            self.serve(f"last{turn}")
        assert self.engine.job(self.job_id).status.ended, self.engine.statuses(self.job_id)
        self.what_was_reported_is_remembered()
        assert self.ports.documents.get(store.mutex_key("acme", "shared")) is None
        assert self.engine.kinds(self.job_id)[-1].removeprefix("job.") == self.engine.job(self.job_id).status

    def what_was_reported_is_remembered(self):
        """A result that was taken in decides its attempt, and only a stop outranks a failure."""
        orders = {
            each.number: each for each in store.load_all_orders(self.ports.documents, self.engine.job(self.job_id))
        }
        for (number, attempt), status in self.accepted.items():
            kept = next(each.status for each in orders[number].attempts if each.number == attempt)
            if status is S:
                assert kept is S
            elif status is not OrderStatus.QUEUED:
                assert kept is not S

    def report_now(self, assignment, worker, status):
        report = results.report_of(self.ports, assignment, worker=worker, status=status)
        return results.report(self.ports, self.job_id, report)

    def serve(self, worker):
        """A healthy worker takes whatever is handed out, and succeeds."""
        for assignment in self.engine.target.handed:
            if results.begin(self.ports, assignment, worker=worker):
                self.report_now(assignment, worker, S)


FaultyHome.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=timedelta(seconds=20))
TestFaultyHome = FaultyHome.TestCase
