"""Is everything there that a job needs? Said in words, so that whoever reads it knows what to do."""

import importlib.metadata
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from chalicelib.documents import Key, Put
from chalicelib.jobs.executors.process import WORK
from chalicelib.jobs.wakeups import WAKE_UPS
from chalicelib.settings import Home
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

QUEUES = (WAKE_UPS, WORK)
PROBE_LASTS = timedelta(minutes=10)
ADVICE = {Home.LOCAL: "Is the disk full?", Home.AWS: "`millrace doctor` says what to do."}


class Health(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    """It works, but somebody should look."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """`vital`: nothing works without it."""

    name: str
    ok: bool
    detail: str
    vital: bool = True


def examine(ports: Ports) -> tuple[Health, list[Check]]:
    checks = [*_all(ports)]
    if any(check.vital and not check.ok for check in checks):
        return Health.DOWN, checks
    return (Health.OK if all(check.ok for check in checks) else Health.DEGRADED), checks


def version() -> str:
    try:
        return importlib.metadata.version("millrace")
    except importlib.metadata.PackageNotFoundError:
        return "unpackaged"


def _all(ports: Ports) -> Iterator[Check]:
    advice = ADVICE[ports.settings.home]
    yield _try("documents", lambda: _write_document(ports), advice)
    yield _try("objects", lambda: _write_object(ports), advice)
    # Where none is meant to run, Lambda takes the orders.
    if ports.settings.home is Home.LOCAL or ports.settings.workers:
        yield _try("workers", lambda: _workers(ports), advice)
    yield _try("queues", lambda: _queues(ports), advice)


def _try(name: str, act: Callable[[], Check], advice: str) -> Check:
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        log.warning("%s: %r", name, error)
        return Check(name, ok=False, detail=f"It does not take writes; the log says why. {advice}")


def _write_document(ports: Ports) -> Check:
    now = ports.clock.now()
    ports.documents.transact([Put(Key("health", "probe"), {}, expires=now + PROBE_LASTS)])
    return Check("documents", ok=True, detail="The database takes writes.")


def _write_object(ports: Ports) -> Check:
    ports.objects.put("health/probe", b"probe", replace=True)
    return Check("objects", ok=True, detail="The object store takes writes.")


def _workers(ports: Ports) -> Check:
    if alive := len(ports.presence.present()):
        return Check("workers", ok=True, detail=f"{alive} running.", vital=False)
    return Check("workers", ok=False, detail="None is running: jobs wait. Start one: millrace worker", vital=False)


def _queues(ports: Ports) -> Check:
    waiting = sum(ports.queues.depth(queue) for queue in QUEUES)
    given_up = sum(ports.queues.dead_depth(queue) for queue in QUEUES)
    if given_up:
        told = f"{given_up} messages were given up after many tries; the workers' log says why. {waiting} wait."
        return Check("queues", ok=False, detail=told, vital=False)
    return Check("queues", ok=True, detail=f"{waiting} messages wait.", vital=False)
