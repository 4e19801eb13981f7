"""One attempt of an order on this machine: its folder, environment, log, commands and artifacts."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import stamina

from chalicelib.accounts.tenants.standing import standing
from chalicelib.errors import MillraceError
from chalicelib.jobs import results, store
from chalicelib.jobs.actions import SHELL, Action, Actions, HandedBack, Stopped, Task
from chalicelib.jobs.artifacts import artifact_prefix, engine_values
from chalicelib.jobs.decide import CANCELLED, HELD, LOST, STOPPED
from chalicelib.jobs.executors import Assignment
from chalicelib.jobs.logs import LogWriter
from chalicelib.jobs.model import Artifact, Job, Order, OrderStatus, Report
from chalicelib.limits import storage
from chalicelib.limits.storage import Meter
from chalicelib.shells import Ending, Masker, Outcome, Shells, Stop, UnsafeFolder, where
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

INPUTS = "inputs"
REPORT_PATIENCE = 600.0


@dataclass(slots=True)
class Running:
    """An attempt in a slot. `shutting_down` tells a stop of the worker from one of the order."""

    assignment: Assignment
    stop: Stop = field(default_factory=Stop)
    shutting_down: bool = False
    log: LogWriter | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """How an attempt went. `queued`: it did not go at all, and may go again."""

    status: OrderStatus
    reason: str
    exit_code: int | None = None
    artifacts: tuple[Artifact, ...] = ()


class Runner:
    """Runs attempts in the slots of one worker process."""

    def __init__(self, ports: Ports, shells: Shells | None, worker: str, actions: Actions) -> None:
        """Without `shells` it runs built-in actions alone."""
        self._ports = ports
        self._actions = actions
        self._given_shells = shells
        self._worker = worker
        self._meter = Meter()
        self._running: dict[tuple[str, int], Running] = {}
        self._lock = threading.Lock()
        self._closing = False

    def begin(self, assignment: Assignment) -> Order | None:
        """The order, running here now; None when nobody wants this attempt any more, or its tenant may not run it."""
        if standing(self._ports.documents, assignment.tenant_id).why_held:
            results.hand_back(self._ports, assignment, HELD)
            return None
        return results.begin(self._ports, assignment, worker=self._worker)

    def run(self, slot: int, order: Order, assignment: Assignment) -> Report:
        """Carry out an attempt that was begun. The result is not stored yet."""
        with self._registered(assignment) as running:
            finding = self._carry_out(slot, order, running)
            left = sum(each.size for each in finding.artifacts) + (running.log.kept if running.log else 0)
            self._meter.add(assignment.tenant_id, left)
        return results.report_of(
            self._ports,
            assignment,
            worker=self._worker,
            status=finding.status,
            reason=finding.reason,
            exit_code=finding.exit_code,
            started_at=order.started_at,
            artifacts=finding.artifacts,
        )

    def store(self, job_id: str, report: Report) -> None:
        """A result is worth waiting for: the store may be busy, or the disk full, for a while."""
        for attempt in stamina.retry_context(on=MillraceError, attempts=None, timeout=REPORT_PATIENCE, wait_max=5):
            with attempt:
                results.report(self._ports, job_id, report)

    def stop(self, job_id: str, number: int, attempt: int) -> None:
        with self._lock:
            running = self._running.get((job_id, number))
        if running and running.assignment.attempt == attempt:
            running.stop.set()

    def stop_all(self) -> None:
        """End what runs, and at once what is yet to be registered."""
        self._closing = True
        for running in self._all():
            running.shutting_down = True
            running.stop.set()

    def write_logs(self) -> None:
        """Make visible what the running attempts have printed."""
        now = time.monotonic()
        for running in self._all():
            if running.log:
                running.log.write_due(now)

    def write_usage(self) -> None:
        """Count what the attempts that ended have left."""
        self._meter.write(self._ports)

    def obey_stops(self) -> None:
        """The net under a lost request to stop: the order itself says it too."""
        running = self._all()
        keys = [store.order_key(each.assignment.job_id, each.assignment.number) for each in running]
        for each, found in zip(running, self._ports.documents.get_many(keys) if keys else [], strict=True):
            if found is None or found.body["live"] != each.assignment.attempt or found.body["stop_asked_at"]:
                each.stop.set()

    @property
    def _shells(self) -> Shells:
        if self._given_shells is None:
            raise ValueError("shell orders are not run here")
        return self._given_shells

    def _all(self) -> list[Running]:
        with self._lock:
            return list(self._running.values())

    @contextmanager
    def _registered(self, assignment: Assignment) -> Iterator[Running]:
        key = (assignment.job_id, assignment.number)
        running = Running(assignment)
        with self._lock:
            self._running[key] = running
        if self._closing:
            running.shutting_down = True
            running.stop.set()
        try:
            yield running
        finally:
            with self._lock:
                del self._running[key]

    def _carry_out(self, slot: int, order: Order, running: Running) -> Finding:
        try:
            return self._try_carry_out(slot, order, running)
        except Exception as failure:
            # Whatever went wrong here is ours and not the order's: it starts again, and a limit ends it.
            log.exception("order %s of job %s could not be run", order.number, running.assignment.job_id)
            return Finding(OrderStatus.QUEUED, f"worker_failed: {failure}")

    def _try_carry_out(self, slot: int, order: Order, running: Running) -> Finding:
        job = store.find_job(self._ports.documents, running.assignment.job_id)
        if order.spec.action != SHELL:
            return self._act(self._actions[order.spec.action], job, order, running)
        folder = self._shells.prepare(slot)
        try:
            self._bring_inputs(slot, folder, job, order)
            outcome = self._run_commands(slot, job, order, running)
            artifacts, missing, full = self._keep_outputs(slot, order, running.assignment)
        finally:
            self._shells.clear(slot)
        status, reason = judge(outcome, order, shutting_down=running.shutting_down)
        if status is OrderStatus.SUCCEEDED and missing:
            status, reason = OrderStatus.FAILED, f"the output `{missing[0]}` was not there at the end"
        if status is OrderStatus.SUCCEEDED and full:
            status, reason = OrderStatus.FAILED, f"the organisation's storage is full: no room for `{full[0]}`"
        return Finding(status, reason, outcome.exit_code, tuple(artifacts))

    def _act(self, action: Action, job: Job, order: Order, running: Running) -> Finding:
        log = running.log = self._open_log(job, order)
        task = Task(self._ports, job, order, lambda line: log.add(f"{line}\n".encode()), running.stop.is_set)
        try:
            artifacts = action(task) or ()
        except HandedBack as back:
            return Finding(OrderStatus.QUEUED, back.reason)
        except Stopped:
            ended = (OrderStatus.QUEUED, STOPPED) if running.shutting_down else (OrderStatus.CANCELLED, CANCELLED)
            return Finding(*ended)
        except MillraceError as error:
            task.say(error.detail)
            return Finding(OrderStatus.FAILED, error.detail)
        finally:
            log.close()
        return Finding(OrderStatus.SUCCEEDED, "", artifacts=tuple(artifacts))

    def _open_log(self, job: Job, order: Order) -> LogWriter:
        limit = self._ports.settings.log_limit
        return LogWriter(self._ports.objects, job.tenant_id, job.job_id, order.number, order.attempt, limit=limit)

    def _run_commands(self, slot: int, job: Job, order: Order, running: Running) -> Outcome:
        secrets = {name: self._ports.vault.open(sealed) for name, sealed in order.spec.secret_env.items()}
        masker = Masker(secrets.values())
        log = running.log = self._open_log(job, order)
        outcome = self._shells.run(
            slot,
            commands=order.spec.commands,
            env={**order.spec.env, **secrets, **engine_values(job, order)},
            timeout=order.spec.timeout,
            on_output=lambda output: log.add(masker.feed(output)),
            stop=running.stop,
        )
        log.add(masker.flush())
        log.close()
        return outcome

    def _bring_inputs(self, slot: int, folder: Path, job: Job, order: Order) -> None:
        """Artifacts of the dependencies, as inputs/<order_name>/<path>."""
        if not order.spec.dependencies:
            return
        dependencies = store.load_orders(self._ports.documents, job, order.spec.dependencies)
        for each in dependencies.values():
            for artifact in each.artifacts:
                target = folder / INPUTS / each.name / artifact.path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    file.writelines(self._ports.objects.read(artifact.object))
        if any(each.artifacts for each in dependencies.values()):
            self._shells.give(slot, folder / INPUTS)

    def _keep_outputs(
        self, slot: int, order: Order, assignment: Assignment
    ) -> tuple[list[Artifact], list[str], list[str]]:
        """What was kept, which of the declared outputs are not there, and which are too large for what is left."""
        kept: list[Artifact] = []
        missing: list[str] = []
        full: list[str] = []
        room = storage.room(self._ports, assignment.tenant_id) if order.spec.outputs else None
        place = f"{artifact_prefix(assignment.tenant_id, assignment.job_id)}{order.number:04d}/{order.attempt:04d}"
        for path in order.spec.outputs:
            try:
                file = self._shells.open_left(slot, path)
            except (OSError, UnsafeFolder):
                missing.append(path)
                continue
            with file:
                if room is not None and os.fstat(file.fileno()).st_size > room - sum(each.size for each in kept):
                    full.append(path)
                    continue
                size = self._ports.objects.put(f"{place}/{path}", file, replace=True)
            kept.append(Artifact(path=path, size=size, object=f"{place}/{path}"))
        return kept, missing, full


def judge(outcome: Outcome, order: Order, *, shutting_down: bool) -> tuple[OrderStatus, str]:  # noqa: PLR0911 - a table of endings
    """What an outcome means for the order, and why in words."""
    match outcome.ending:
        case Ending.EXITED if outcome.exit_code == 0:
            return OrderStatus.SUCCEEDED, ""
        case Ending.EXITED:
            return OrderStatus.FAILED, f"exit code {outcome.exit_code}{where(outcome, order.spec.commands)}"
        case Ending.SIGNALLED:
            number = (outcome.exit_code or 128) - 128
            name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
            return OrderStatus.FAILED, f"killed by {name}{where(outcome, order.spec.commands)}"
        case Ending.TIMED_OUT:
            return (
                OrderStatus.TIMED_OUT,
                f"ran longer than its {order.spec.timeout} s{where(outcome, order.spec.commands)}",
            )
        case Ending.STOPPED if shutting_down:
            return OrderStatus.QUEUED, STOPPED
        case Ending.STOPPED:
            return OrderStatus.CANCELLED, CANCELLED
        case Ending.LOST:
            return OrderStatus.QUEUED, LOST
    return OrderStatus.FAILED, f"could not be started: {outcome.detail}"
