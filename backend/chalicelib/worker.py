"""A worker process: takes orders from the queue, runs them, and brings their jobs forward."""

import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from chalicelib.accounts.tenants.teardown import TEARDOWN, tear_down
from chalicelib.errors import MillraceError
from chalicelib.generation.exports.model import EXPORT
from chalicelib.generation.exports.running import export
from chalicelib.generation.running import GENERATE, generate
from chalicelib.generation.scoring import SCORE, score
from chalicelib.generation.seeds.checking import CHECK, check
from chalicelib.generation.seeds.sweeper import sweep_uploads
from chalicelib.jobs.actions import Actions
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.executors.process import WORK, stops_of
from chalicelib.jobs.finishing import settle
from chalicelib.jobs.model import Order, Report
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.jobs.running import Runner
from chalicelib.jobs.sweeper import sweep_departed, sweep_due
from chalicelib.jobs.wakeups import WAKE_UPS
from chalicelib.notifications.delivering import deliver
from chalicelib.notifications.notices import NOTICES
from chalicelib.presence import BEAT, Place
from chalicelib.queues import Queues, Received
from chalicelib.settings import Home, Settings, read_settings
from chalicelib.shells import Shells, default_scratch
from chalicelib.tuning import hand_over_soon, tune
from chalicelib.wiring import Ports, connect

log = logging.getLogger(__name__)

LONG_WAIT = 20.0
"""Seconds that a receiver sleeps at most; a message wakes it at once."""
BEGIN_WITHIN = 10.0
"""Seconds in which a received order is begun; after that another worker may."""
REPORTED_WITHIN = 60.0
"""Seconds after its timeout in which an order has surely been reported."""
STOP_WITHIN = 25.0
"""Seconds that orders have to stop in when the worker is told to end: a spot instance has 30."""
STOP_TICK = 1.0
NICENESS = 15
"""Where cores are short, people are answered before orders are run."""
ACTIONS: Actions = {TEARDOWN: tear_down, GENERATE: generate, EXPORT: export, CHECK: check, SCORE: score}


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two rounds of what is done again and again."""

    books: float
    sweep: float
    notify: float


PACES = {Home.LOCAL: Pace(books=0.1, sweep=0.25, notify=1.0), Home.AWS: Pace(books=0.5, sweep=1.0, notify=5.0)}
"""At home a round costs microseconds, on AWS each is a request to pay for."""


class Receipts:
    """Messages stay in flight while their orders run, so that the queue knows how much each tenant has running."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._lock = threading.Lock()
        self._begun: dict[str, float] = {}
        self._done: list[str] = []

    def begun(self, receipt: str, timeout: float) -> None:
        with self._lock:
            self._begun[receipt] = timeout

    def done(self, receipt: str) -> None:
        with self._lock:
            self._begun.pop(receipt, None)
            self._done.append(receipt)

    def settle(self) -> None:
        """Tell the queue. What is not told is only told again: a message whose order ended changes nothing."""
        with self._lock:
            begun, self._begun = self._begun, {}
            done, self._done = self._done, []
        for receipt, timeout in begun.items():
            self._queues.extend(WORK, receipt, visibility=timeout + REPORTED_WITHIN)
        if done:
            self._queues.acknowledge(WORK, done)


class Worker:
    def __init__(self, ports: Ports, shells: Shells, worker: str, actions: Actions, place: Place) -> None:
        self._ports = ports
        self._worker = worker
        self._place = place
        self._pace = PACES[ports.settings.home]
        self._runner = Runner(ports, shells, worker, actions)
        self._orchestrator = Orchestrator(ports, owner=worker)
        self._slots = ports.settings.slots
        self._free = threading.Semaphore(self._slots)
        self._taken: queue.SimpleQueue[tuple[Assignment, str] | None] = queue.SimpleQueue()
        self._receipts = Receipts(ports.queues)
        self._stopping = threading.Event()
        self._slot_threads = [
            threading.Thread(target=self._serve_slot, args=(slot,), name=f"slot-{slot}") for slot in range(self._slots)
        ]

    def start(self) -> None:
        for thread in self._slot_threads:
            thread.start()
        for loop in self._loops():
            threading.Thread(target=self._keep_on, args=(loop,), name=loop.__name__.strip("_"), daemon=True).start()

    def _loops(self) -> Iterator[Callable[[], None]]:
        yield from (self._take_orders, self._take_wake_ups, self._keep_books, self._sweep, self._notify, self._stay)
        # Elsewhere a queue per worker would be one more thing to remove, and the sweep finds out soon enough.
        if self._ports.settings.home is Home.LOCAL:
            yield self._take_stops

    def stop(self, patience: float) -> None:
        """Hand back what runs and end; commands get their grace, then are killed."""
        self._stopping.set()
        self._runner.stop_all()
        for _ in self._slot_threads:
            self._taken.put(None)
        until = time.monotonic() + patience
        for thread in self._slot_threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._receipts.settle()

    def _keep_on(self, step: Callable[[], None]) -> None:
        """A part of the worker that fails says so and goes on: the store may be busy or full for a while."""
        while not self._stopping.is_set():
            try:
                step()
            except MillraceError as error:
                log.error("%s: %s", step.__name__.strip("_"), error.detail)  # noqa: TRY400 - the detail says it all
                self._stopping.wait(1)
            except Exception:
                log.exception("%s failed", step.__name__.strip("_"))
                self._stopping.wait(1)

    def _take_orders(self) -> None:
        """Take as many orders as slots are free."""
        self._free.acquire()
        places = 1
        while places < self._slots and self._free.acquire(blocking=False):
            places += 1
        received: list[Received] = []
        try:
            received = self._ports.queues.receive(WORK, limit=places, wait=LONG_WAIT, visibility=BEGIN_WITHIN)
        finally:
            for _ in range(places - len(received)):
                self._free.release()
        for each in received:
            self._taken.put((Assignment(**each.body), each.receipt))

    def _serve_slot(self, slot: int) -> None:
        while (work := self._taken.get()) is not None:
            try:
                # What was received but not begun when the worker stops comes again, to another one.
                if not self._stopping.is_set():
                    self._run_one(slot, *work)
            except Exception:
                log.exception("slot %s failed with %s", slot, work)
            finally:
                self._free.release()

    def _run_one(self, slot: int, assignment: Assignment, receipt: str) -> None:
        """Run it, and then what follows it in its job, as long as nobody else waits for the slot."""
        order = self._runner.begin(assignment)
        if order:
            self._receipts.begun(receipt, order.spec.timeout)
        else:
            self._orchestrator.look(assignment.job_id)
        while order:
            report = self._runner.run(slot, order, assignment)
            self._receipts.done(receipt)
            order = self._take_up(assignment.job_id, report)
            if order:
                assignment = replace(assignment, number=order.number, attempt=order.attempt)
        self._receipts.done(receipt)

    def _take_up(self, job_id: str, report: Report) -> Order | None:
        try:
            return self._orchestrator.take_up(job_id, report, keeper="" if self._stopping.is_set() else self._worker)
        except MillraceError as error:
            log.error("the result of order %s of job %s has to wait: %s", report.number, job_id, error.detail)  # noqa: TRY400 - the detail says it all
            self._runner.store(job_id, report)
            self._orchestrator.look(job_id)
            return None

    def _take_wake_ups(self) -> None:
        received = self._ports.queues.receive(WAKE_UPS, limit=10, wait=LONG_WAIT, visibility=BEGIN_WITHIN)
        for job_id in {each.body["job_id"] for each in received}:
            self._orchestrator.look(job_id)
        if received:
            self._ports.queues.acknowledge(WAKE_UPS, [each.receipt for each in received])

    def _take_stops(self) -> None:
        stops = stops_of(self._worker)
        received = self._ports.queues.receive(stops, limit=10, wait=LONG_WAIT)
        for each in received:
            self._runner.stop(each.body["job_id"], each.body["number"], each.body["attempt"])
        if received:
            self._ports.queues.acknowledge(stops, [each.receipt for each in received])

    def _keep_books(self) -> None:
        """What must be told soon, but not on an order's way."""
        self._stopping.wait(self._pace.books)
        self._receipts.settle()
        self._runner.write_logs()
        self._runner.write_usage()

    def _notify(self) -> None:
        """Send notifications: at once when woken, and in each round what is due again."""
        received = self._ports.queues.receive(NOTICES, limit=10, wait=self._pace.notify)
        if received:
            self._ports.queues.acknowledge(NOTICES, [each.receipt for each in received])
        while deliver(self._ports) + settle(self._ports) and not self._stopping.is_set():
            continue

    def _sweep(self) -> None:
        self._stopping.wait(self._pace.sweep)
        sweep_due(self._ports, self._orchestrator)
        sweep_departed(self._ports, self._orchestrator)
        sweep_uploads(self._ports)
        self._runner.obey_stops()

    def _stay(self) -> None:
        self._stopping.wait(BEAT)
        self._place.stay()


class StopRequest:
    """Waits for a signal to end.

    Of a server that is killed each thread's end sends one, so that a handler is interrupted by itself: it must hold no
    lock, as an Event's does.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def obey(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            signal.signal(number, self.ask)

    def ask(self, number: int, _frame: FrameType | None = None) -> None:
        self._asked.put(number)

    def wait(self, seconds: float) -> bool:
        """Whether it came. The wait is to be short: a signal that comes just before it does not end it."""
        with suppress(queue.Empty):
            self._asked.get(timeout=seconds)
            return True
        return False


def main(settings: Settings) -> None:
    """Run until SIGTERM or Ctrl-C."""
    asked_to_stop = StopRequest()
    os.nice(NICENESS)
    asked_to_stop.obey(signal.SIGTERM, signal.SIGINT)
    tune()
    hand_over_soon()
    ports = connect(settings)
    worker_id = ports.clock.new_id().lower()
    # Kept by what starts the shells too: a worker counts as gone only when nothing of its orders can run any more.
    place = ports.presence.enter(worker_id)
    scratch = Path(settings.scratch) if settings.scratch else default_scratch(settings.data)
    with Shells(scratch, settings.slots, hide=[settings.data], kept=place.files) as shells:
        worker = Worker(ports, shells, worker_id, ACTIONS, place)
        worker.start()
        _await(asked_to_stop, place)
        worker.stop(patience=STOP_WITHIN)
    place.leave()


def _await(asked_to_stop: StopRequest, place: Place) -> None:
    """Until somebody asks, or others may take this worker for gone."""
    while place.is_held():
        if asked_to_stop.wait(STOP_TICK):
            return
    log.error("Nobody has heard of this worker for too long: it ends, and its orders start again elsewhere.")


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    main(read_settings())
