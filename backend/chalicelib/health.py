"""Is everything there that a job needs? Said in words, so that whoever reads it knows what to do."""

import fcntl
import importlib.metadata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from chalicelib.documents import Key, Put
from chalicelib.wiring import Ports

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
    yield _workers(ports.settings.data / "workers")


def _try(name: str, well: str, act: Callable[[], None]) -> Check:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return Check(name, ok=False, detail=f"It does not take writes: {type(error).__name__}: {error}")
    return Check(name, ok=True, detail=well)


def _write_document(ports: Ports) -> None:
    now = ports.clock.now()
    ports.documents.transact([Put(Key("health", "probe"), {}, expires=now + PROBE_LASTS)])


def _write_object(ports: Ports) -> None:
    ports.objects.put("health/probe", b"probe", replace=True)


def _workers(folder: Path) -> Check:
    alive = sum(_is_held(lock) for lock in folder.glob("*.lock")) if folder.is_dir() else 0
    if alive:
        return Check("workers", ok=True, detail=f"{alive} running.", vital=False)
    return Check("workers", ok=False, detail="None is running: jobs wait. Start one: millrace worker", vital=False)


def _is_held(lock: Path) -> bool:
    """A worker that lives holds its lock file; the lock of a dead one is free."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
