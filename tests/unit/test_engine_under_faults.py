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
FAULTS = st.none() | st.none() | st.tuples(st.integers(0, 4), st.booleans())
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
        self.accepted: dict[tuple[int, int], OrderStatus] = {}

    def at_risk(self, act, fault):
        """Do it; when the process dies on the way, others go on."""
        if fault:
            self.store.writes_left, self.store.after = fault
        try:
            return act()
        except Crash:
            event("a process died at a write")
            return None
        finally:
            self.store.writes_left = None

    @rule(which=st.integers(0, 1), fault=FAULTS)
    def wake_up(self, which, fault):
        self.at_risk(lambda: self.orchestrators[which].look(self.job_id), fault)

    @rule(data=st.data(), fault=FAULTS)
    def begin(self, data, fault):
        handed = self.engine.target.handed
        if handed:
            assignment = data.draw(st.sampled_from(handed))
            self.workers += 1
            worker = f"w{self.workers}"
            if self.at_risk(lambda: results.begin(self.ports, assignment, worker=worker), fault):
                self.begun.append((assignment, worker))
            else:
                # It was not ours to begin, or we died beginning it.
                self.engine.target.gone.add(worker)

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), status=OUTCOMES, fault=FAULTS)
    def report(self, data, status, fault):
        assignment, worker = data.draw(st.sampled_from(self.begun))
        if worker in self.engine.target.gone:
            return
        if self.at_risk(lambda: results.report(self.ports, assignment, worker=worker, status=status), fault):
            assert (assignment.number, assignment.attempt) not in self.accepted
            self.accepted[assignment.number, assignment.attempt] = status

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def kill_worker(self, data):
        self.engine.target.gone.add(data.draw(st.sampled_from(self.begun))[1])

    @rule(seconds=st.sampled_from([1, 6, 31, 70]), fault=FAULTS)
    def pass_time(self, seconds, fault):
        self.ports.clock.tick(seconds)
        self.at_risk(lambda: sweep_due(self.ports, self.orchestrators[0]), fault)

    @rule(really=st.sampled_from([False] * 9 + [True]), fault=FAULTS)
    def cancel(self, really, fault):
        job = self.engine.job(self.job_id)
        if really and not job.status.ended and self.round == 0:
            self.at_risk(lambda: operations.cancel(self.ports, self.engine.me, self.job_id), fault)

    @rule(fault=FAULTS)
    def retry(self, fault):
        job = self.engine.job(self.job_id)
        if job.status.ended and job.status is not JobStatus.SUCCEEDED and self.round < 2:
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

    def serve(self, worker):
        """A healthy worker takes whatever is handed out, and succeeds."""
        for assignment in self.engine.target.handed:
            if results.begin(self.ports, assignment, worker=worker):
                results.report(self.ports, assignment, worker=worker, status=S)


FaultyHome.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=timedelta(seconds=20))
TestFaultyHome = FaultyHome.TestCase
