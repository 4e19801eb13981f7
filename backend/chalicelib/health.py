"""Is everything there that a job needs? Said in words, so that whoever reads it knows what to do."""

import importlib.metadata
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from chalicelib.documents import Key, Put
from chalicelib.jobs.executors.presence import present
from chalicelib.jobs.executors.process import WORK
from chalicelib.jobs.wakeups import WAKE_UPS
from chalicelib.wiring import Ports, workers_folder

log = logging.getLogger(__name__)

QUEUES = (WAKE_UPS, WORK)
DEAD_COUNTED = 100
PROBE_LASTS = timedelta(minutes=10)


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
    yield _try("documents", "The database takes writes.", lambda: _write_document(ports))
    yield _try("objects", "The object store takes writes.", lambda: _write_object(ports))
    yield _workers(workers_folder(ports.settings))
    yield _queues(ports)


def _try(name: str, well: str, act: Callable[[], None]) -> Check:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        log.warning("%s: %r", name, error)
        return Check(name, ok=False, detail="It does not take writes; the log says why. Is the disk full?")
    return Check(name, ok=True, detail=well)


def _write_document(ports: Ports) -> None:
    now = ports.clock.now()
    ports.documents.transact([Put(Key("health", "probe"), {}, expires=now + PROBE_LASTS)])


def _write_object(ports: Ports) -> None:
    ports.objects.put("health/probe", b"probe", replace=True)


def _workers(folder: Path) -> Check:
    if alive := len(present(folder)):
        return Check("workers", ok=True, detail=f"{alive} running.", vital=False)
    return Check("workers", ok=False, detail="None is running: jobs wait. Start one: millrace worker", vital=False)


def _queues(ports: Ports) -> Check:
    waiting = sum(ports.queues.depth(queue) for queue in QUEUES)
    given_up = sum(len(ports.queues.dead(queue, limit=DEAD_COUNTED)) for queue in QUEUES)
    if given_up:
        told = f"{given_up} messages were given up after many tries; the workers' log says why. {waiting} wait."
        return Check("queues", ok=False, detail=told, vital=False)
    return Check("queues", ok=True, detail=f"{waiting} messages wait.", vital=False)
