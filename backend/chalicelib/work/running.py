"""One attempt of an order: what it needs fetched, its commands run, what it leaves sent back."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.shells import Ending, Isolation, Masker, Outcome, Shells, Stop, UnsafeFolder, where
from chalicelib.work import links
from chalicelib.work.logs import Log
from chalicelib.work.opening import CannotOpen, open_values
from chalicelib.work.unpacking import UnsafeArchive, unpack

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
"""Between two looks whether a stop was asked for."""
SPARE = 20.0
"""Seconds at the end of a machine's own time that a worker needs to tell how it went."""
_SLOT = 0


class Failed(Exception):
    """The order fails, for the reason in the text."""


@dataclass(frozen=True, slots=True)
class Ended:
    """As the callback says it. `status`: succeeded, failed, timed_out or cancelled."""

    status: str
    reason: str = ""
    exit_code: int | None = None
    artifacts: tuple[dict[str, Any], ...] = ()


def run(link: str, scratch: Path, stop: Stop, *, remaining: Callable[[], float] | None = None) -> str:
    """Carry out the attempt that `link` tells of; its status, or `begun before` when that was somebody else's.

    `remaining`: seconds that this machine is still there. Raises NotReached when Millrace cannot be told.
    """
    order = json.loads(links.fetch(link))
    try:
        links.put(order["begun"], b"begun", once=True)
    except links.AlreadyThere:
        # Commands are run once: whoever began them tells how they ended, or is found dead by the watchdog.
        return "begun before"
    ended, text = _Attempt(order, scratch, stop, remaining).carry_out()
    told = {"status": ended.status, "log": text, "reason": ended.reason, "exit_code": ended.exit_code}
    _tell(order, json.dumps({**told, "artifacts": list(ended.artifacts)}).encode())
    return ended.status


def _tell(order: dict[str, Any], result: bytes) -> None:
    try:
        links.put(order["result"], result, once=True)
    except links.AlreadyThere:
        log.warning("there is a result already: it was too late for ours")
    if url := order.get("callback_url"):
        try:
            links.put(url, result, pauses=links.PAUSES[:3])
        except links.NotReached as error:
            log.warning("the order's own callback: %s", error)


class _Attempt:
    def __init__(self, order: dict[str, Any], scratch: Path, stop: Stop, remaining: Callable[[], float] | None) -> None:
        self._order = order
        self._scratch = scratch
        self._stop = stop
        self._over = threading.Event()
        timeout = float(order["timeout"])
        self._time = timeout if remaining is None else max(1.0, min(timeout, remaining() - SPARE))
        """Seconds for the commands: the order's own, or what this machine has left."""

    def carry_out(self) -> tuple[Ended, str]:
        """How it ended, and the end of its log."""
        try:
            values = self._open_values()
        except (CannotOpen, links.NotReached) as error:
            return Ended("failed", f"its values could not be had: {error}"), ""
        told = Log(self._order["log"], Masker([*values.values(), *self._order["masked"]]))
        watching = threading.Thread(target=self._look_for_stop, name="stop", daemon=True)
        watching.start()
        try:
            ended = self._try(values, told)
        except (Failed, UnsafeArchive, links.NotReached, OSError) as error:
            ended = Ended("failed", str(error))
        except Exception as error:
            log.exception("the worker failed")
            ended = Ended("failed", f"the worker failed: {type(error).__name__}")
        finally:
            self._over.set()
        if ended.status != "succeeded":
            told.say(ended.reason)
        return ended, told.close()

    def _try(self, values: dict[str, str], told: Log) -> Ended:
        plain = sys.platform != "linux" or not _starts_without_environment()
        with Shells(self._scratch, 1, Isolation.NONE, plain=plain) as shells:
            folder = shells.prepare(_SLOT)
            try:
                self._bring(folder)
                outcome = self._run_commands(shells, values, told)
                return self._with_outputs(shells, _judge(outcome, self._order, self._time))
            finally:
                shells.clear(_SLOT)

    def _open_values(self) -> dict[str, str]:
        wanted = self._order.get("values")
        if not wanted:
            return {}
        key = links.fetch(wanted["key"]).decode()
        return open_values(wanted["kind"], links.fetch(wanted["content"]), key)

    def _bring(self, folder: Path) -> None:
        """The code into the order's folder, and the artifacts of its dependencies below it."""
        unpacked = folder.with_name(f"{folder.name}-bundle")
        unpacked.mkdir(mode=0o700)
        unpack(links.fetch(self._order["bundle"]), unpacked)
        if (unpacked / "code").is_dir():
            for each in (unpacked / "code").iterdir():
                each.rename(folder / each.name)
        for each in self._order["inputs"]:
            links.fetch_file(each["link"], folder / each["path"])

    def _run_commands(self, shells: Shells, values: dict[str, str], told: Log) -> Outcome:
        env = {**self._order["environment"], **values, **self._order["engine"]}
        return shells.run(
            _SLOT,
            commands=self._order["commands"],
            env={"PATH": os.pathsep.join(os.get_exec_path()), **env},
            timeout=self._time,
            on_output=told.add,
            stop=self._stop,
        )

    def _with_outputs(self, shells: Shells, ended: Ended) -> Ended:
        kept: list[dict[str, Any]] = []
        for each in self._order["outputs"]:
            try:
                with shells.open_left(_SLOT, each["path"]) as file:
                    size = os.fstat(file.fileno()).st_size
                    links.put_file(each["link"], file, size)
            except (FileNotFoundError, UnsafeFolder):
                if ended.status == "succeeded":
                    reason = f"the output `{each['path']}` was not there at the end"
                    return Ended("failed", reason, ended.exit_code, tuple(kept))
                continue
            kept.append({"path": each["path"], "size": size})
        return Ended(ended.status, ended.reason, ended.exit_code, tuple(kept))

    def _look_for_stop(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            if links.is_there(self._order["stop"]):
                self._stop.set()
                return


def _judge(outcome: Outcome, order: dict[str, Any], limit: float) -> Ended:  # noqa: PLR0911 - a table of endings
    place = where(outcome, order["commands"])
    match outcome.ending:
        case Ending.EXITED if outcome.exit_code == 0:
            return Ended("succeeded", exit_code=0)
        case Ending.EXITED:
            return Ended("failed", f"exit code {outcome.exit_code}{place}", outcome.exit_code)
        case Ending.SIGNALLED:
            return Ended("failed", f"{outcome.detail}{place}", outcome.exit_code)
        case Ending.TIMED_OUT if limit < order["timeout"]:
            return Ended("timed_out", f"the time of the machine it ran on was up{place}")
        case Ending.TIMED_OUT:
            return Ended("timed_out", f"ran longer than its {order['timeout']} s{place}")
        case Ending.STOPPED:
            return Ended("cancelled", "cancelled")
    return Ended("failed", f"could not be started: {outcome.detail}")


def _starts_without_environment() -> bool:
    """Some runtimes find their own libraries by the environment, which what starts shells is not given."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", ""], env={}, check=False, capture_output=True)
    return done.returncode == 0
