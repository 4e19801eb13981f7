"""Is the set-up in order? Each check finds one thing; what must be mended comes with how."""

import importlib.util
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from chalicelib.clock import Clock
from chalicelib.findings import Check, Finding, Verdict
from chalicelib.health import Health
from chalicelib.schema import MIGRATIONS
from chalicelib.settings import BadSettings, Home, Settings, read_settings
from chalicelib.shells.isolation import Isolation, choose_isolation

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE = 1_000_000_000
NO_SPACE = 50_000_000
DATABASE = "millrace.db"
ANSWERS_WITHIN = 5.0
CLOCK_SLACK = timedelta(minutes=2)


def examine(clock: Clock) -> Iterator[Finding]:
    yield python()
    try:
        settings = read_settings()
    except BadSettings as error:
        yield Finding(Verdict.MEND, str(error), "Correct or unset these variables; the README lists them.")
        return
    yield Finding(Verdict.OK, "The settings are valid.")
    if settings.home is Home.LOCAL:
        yield from (check(settings, clock) for check in LOCAL_CHECKS)
        return
    from chalicelib import doctor_aws  # noqa: PLC0415 - it brings AWS's client

    yield from doctor_aws.examine(settings, clock)
    if settings.workers:
        yield from (check(settings, clock) for check in WORKER_CHECKS)


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Finding(Verdict.MEND, f"Python {version} is too old.", "Install 3.11 or newer, remove .venv, make run.")
    return Finding(Verdict.OK, f"Python {version}.")


def data_folder(settings: Settings, _: Clock) -> Finding:
    folder = _existing(settings.data)
    if not folder.is_dir() or not _writable(folder):
        advice = "Give it to the user that runs Millrace, or name another in MILLRACE_DATA."
        return Finding(Verdict.MEND, f"{folder} cannot be written.", advice)
    return Finding(Verdict.OK, f"The data is in {settings.data}{'' if folder == settings.data else ' (not made yet)'}.")


def space(settings: Settings, _: Clock) -> Finding:
    free = shutil.disk_usage(_existing(settings.data)).free
    told = f"{free / 1e9:.1f} GB are free for the data."
    if free < NO_SPACE:
        return Finding(Verdict.MEND, told, "Make room, or name a folder on another disk in MILLRACE_DATA.")
    if free < LITTLE_SPACE:
        return Finding(Verdict.NOTE, told, "Logs and artifacts may fill it soon.")
    return Finding(Verdict.OK, told)


def database(settings: Settings, _: Clock) -> Finding:
    path = settings.data / DATABASE
    if not path.exists():
        return Finding(Verdict.OK, "The database will be made at the first start.")
    try:
        version, faults = _inspect(path)
    except sqlite3.Error as error:
        return Finding(Verdict.MEND, f"{path} cannot be read: {error}.", "Bring back a backup: millrace restore FILE")
    if faults != ["ok"]:
        advice = "Stop Millrace, keep a copy of the data folder, bring back a backup: millrace restore FILE"
        return Finding(Verdict.MEND, f"{path} is damaged: {'; '.join(faults[:3])}.", advice)
    if version > len(MIGRATIONS):
        advice = "Run that Millrace, or bring back a backup made by this one."
        return Finding(Verdict.MEND, f"{path} was written by a newer Millrace (schema {version}).", advice)
    return Finding(Verdict.OK, f"The database is whole (schema {version} of {len(MIGRATIONS)}).")


def server(settings: Settings, _: Clock) -> Finding:
    address = f"{settings.host}:{settings.port}"
    if settings.port == 0 or _free(settings.host, settings.port):
        return Finding(Verdict.OK, f"No server runs on {address}; the port is free.")
    health = _health(settings)
    if health is None:
        advice = "Stop it, or choose another: MILLRACE_PORT=8001 make run"
        return Finding(Verdict.MEND, f"Something other than Millrace listens on {address}.", advice)
    complaints = [f"{each['name']}: {each['detail']}" for each in health["checks"] if not each["ok"]]
    if health["status"] != Health.OK:
        return Finding(Verdict.MEND, f"The server on {address} is {health['status']}.", " ".join(complaints))
    return Finding(Verdict.OK, f"The server on {address} is well, and so are its workers.")


def isolation(_: Settings, __: Clock) -> Finding:
    kind = choose_isolation()
    if kind is Isolation.NONE:
        advice = (
            "Install bubblewrap (apt-get install bubblewrap), or run Millrace as root: orders then run as another user."
        )
        return Finding(Verdict.NOTE, "Orders can read all that you can, Millrace's data too.", advice)
    return Finding(Verdict.OK, ISOLATIONS[kind])


def shell(_: Settings, __: Clock) -> Finding:
    found = shutil.which("bash")
    if found is None:
        return Finding(Verdict.NOTE, "bash is not installed; orders run in sh.", "apt-get install bash")
    return Finding(Verdict.OK, f"Orders run in {found}.")


def time(settings: Settings, clock: Clock) -> Finding:
    """Leases and time-outs need a clock that does not jump back."""
    path = settings.data / DATABASE
    newest = max((datetime.fromtimestamp(each.stat().st_mtime, UTC) for each in _siblings(path)), default=clock.now())
    if newest - clock.now() > CLOCK_SLACK:
        return Finding(Verdict.MEND, f"The clock is behind the data, last written {newest:%c} UTC.", "Set the clock.")
    return Finding(Verdict.OK, f"The clock says {clock.now():%Y-%m-%d %H:%M:%S} UTC.")


def browser(_: Settings, __: Clock) -> Finding:
    if importlib.util.find_spec("playwright") is None:
        return Finding(Verdict.OK, "The tests' libraries are not installed; running Millrace does not need them.")
    if shutil.which("chromium"):
        return Finding(Verdict.OK, "The end-to-end tests have a browser.")
    return Finding(Verdict.OK, "There is no chromium here; `make e2e` fetches one for the tests.")


LOCAL_CHECKS: tuple[Check, ...] = (data_folder, space, database, time, server, isolation, shell, browser)
WORKER_CHECKS: tuple[Check, ...] = (data_folder, space, server, isolation, shell)
"""Of a machine that runs orders for a home elsewhere."""

ISOLATIONS = {
    Isolation.USER: "Orders run as unprivileged users: they cannot read Millrace's data or each other's files.",
    Isolation.BWRAP: "Orders run in bubblewrap: they see neither Millrace's data nor each other's files.",
}


def _existing(path: Path) -> Path:
    """The path, or the nearest parent that exists."""
    return next(each for each in (path, *path.parents) if each.exists())


def _writable(folder: Path) -> bool:
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _siblings(path: Path) -> Iterator[Path]:
    return path.parent.glob(f"{path.name}*")


def _inspect(path: Path) -> tuple[int, list[str]]:
    """Schema version, and what SQLite's own check says."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        [version] = connection.execute("PRAGMA user_version").fetchone()
        return version, [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    finally:
        connection.close()


def _free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _health(settings: Settings) -> dict[str, Any] | None:
    """What the server says of itself; None when whoever answers there is no Millrace."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - only read here
    try:
        answer = httpx.get(f"http://{host}:{settings.port}/api/health", timeout=ANSWERS_WITHIN)
        told = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return told if isinstance(told, dict) and {"status", "checks"} <= told.keys() else None
