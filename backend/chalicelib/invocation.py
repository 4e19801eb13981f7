"""An invocation of a function as the worker of Millrace's own actions: without shells, and ending at a known time."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from chalicelib.jobs import results
from chalicelib.jobs.actions import SHELL
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.model import Order, OrderStatus
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.jobs.running import Runner
from chalicelib.presence import BEAT, Place
from chalicelib.wiring import Ports
from chalicelib.worker import ACTIONS

log = logging.getLogger(__name__)

STOP_BEFORE = 60.0
"""Seconds before the invocation's end at which what runs is handed back, to go on in another one."""
TICK = 1.0
_SLOT = 0


class Invocation:
    def __init__(self, ports: Ports, *, name: str, remaining: float) -> None:
        """`remaining`: seconds that the invocation may take."""
        self._ports = ports
        self._worker = f"function-{name}"
        self._runner = Runner(ports, None, self._worker, ACTIONS)
        self._orchestrator = Orchestrator(ports, owner=self._worker)
        self._stop_at = time.monotonic() + remaining - STOP_BEFORE

    def run(self, body: Mapping[str, Any]) -> None:
        """One order of the queue. One that is not wanted any more, or whose worker died, is settled by a look."""
        assignment = Assignment(**body)
        place = self._ports.presence.enter(self._worker)
        try:
            order = self._runner.begin(assignment)
            if order is not None:
                self._carry_out(order, assignment, place)
        finally:
            place.leave()
        self._orchestrator.look(assignment.job_id)

    def _carry_out(self, order: Order, assignment: Assignment, place: Place) -> None:
        if order.spec.action == SHELL:
            why = "no machine with workers takes shell orders here"
            refused = results.report_of(
                self._ports, assignment, worker=self._worker, status=OrderStatus.FAILED, reason=why
            )
            results.report(self._ports, assignment.job_id, refused)
            return
        over = threading.Event()
        keeping = threading.Thread(target=self._keep_books, args=(over, place), name="books", daemon=True)
        keeping.start()
        try:
            report = self._runner.run(_SLOT, order, assignment)
        finally:
            over.set()
            keeping.join()
        self._runner.store(assignment.job_id, report)
        self._runner.write_usage()

    def _keep_books(self, over: threading.Event, place: Place) -> None:
        """Until the order has ended: said that it lives, its log written, stops obeyed, and the end foreseen."""
        heard = time.monotonic()
        while not over.wait(TICK):
            try:
                if time.monotonic() - heard >= BEAT:
                    heard = time.monotonic()
                    place.stay()
                self._runner.write_logs()
                self._runner.obey_stops()
            except Exception:
                log.exception("the books of %s could not be kept", self._worker)
            if time.monotonic() >= self._stop_at or not place.is_held():
                self._runner.stop_all()
