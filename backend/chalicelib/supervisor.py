"""Worker processes beside the server: started, started again when they die, stopped with it."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
SETTLED = 30.0
"""Seconds after which a worker counts as running well: its next death is its first again."""
GRACE = 28.0
"""Seconds that workers have to hand back what they run; longer than they wait for it themselves."""


class Supervisor:
    def __init__(self, workers: int) -> None:
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._keep_one, daemon=True) for _ in range(workers)]
        self._running: set[subprocess.Popen[bytes]] = set()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask all to end, and kill those that do not within GRACE."""
        self._stopping.set()
        for worker in list(self._running):
            worker.terminate()
        until = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        for worker in list(self._running):
            worker.kill()

    def _keep_one(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            begun = time.monotonic()
            code = self._run_one()
            if self._stopping.is_set():
                return
            if time.monotonic() - begun > SETTLED:
                pause = FIRST_PAUSE
            log.warning("A worker ended (%s); another starts in %.1f s", _how(code), pause)
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _run_one(self) -> int:
        command = [sys.executable, "-m", "chalicelib.lifeline", str(os.getpid()), "chalicelib.worker"]
        # A session of its own: Ctrl-C in the terminal is for the server, which then stops its workers in good order.
        with subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL) as worker:  # noqa: S603 - ours
            self._running.add(worker)
            if self._stopping.is_set():
                worker.terminate()
            code = worker.wait()
            self._running.discard(worker)
        return code


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
