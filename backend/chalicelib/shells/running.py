"""One order's shell, watched by the thread that asked for it until it has ended."""

import errno
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

GRACE = 1.0
"""Seconds between asking an order to end and killing it."""
PATIENCE = 0.8
"""Seconds that a killed order may take to disappear."""
CHUNK = 65536
BUSY = "the system allows no more processes"
_DRAIN = 1 << 20
"""Bytes read after the end of a shell: as much as a pipe may hold. More can only come from what escaped."""


class Ending(StrEnum):
    EXITED = "exited"
    """The shell ended by itself; `exit_code` says how."""
    SIGNALLED = "signalled"
    """A signal killed the shell; `exit_code` is 128 and its number, as shells count."""
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    NOT_STARTED = "not_started"
    """The shell could not be started: no command has run."""
    LOST = "lost"
    """The spawner died meanwhile. What ran was killed; how far it came is not known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    ending: Ending
    exit_code: int | None = None
    failed_command: int | None = None
    """Counted from 1: the command that failed, or that ran when the order was ended."""
    detail: str = ""

    @property
    def succeeded(self) -> bool:
        return self.ending is Ending.EXITED and self.exit_code == 0


def where(outcome: Outcome, commands: Sequence[str]) -> str:
    """Which of several commands an outcome is about, in brackets; empty when there is nothing to tell."""
    if outcome.failed_command is None or len(commands) == 1:
        return ""
    lines = commands[outcome.failed_command - 1].strip().splitlines() or [""]
    return f" (command {outcome.failed_command} of {len(commands)}: {lines[0][:80]})"


class Stop:
    """A request, from whichever thread, to end an order now. Stays set; one object serves one order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._wake: int | None = None

    def set(self) -> None:
        with self._lock:
            self._set = True
            if self._wake is not None:
                os.write(self._wake, b"\1")

    def is_set(self) -> bool:
        return self._set

    @contextmanager
    def felt(self) -> Iterator[int]:
        """A descriptor that becomes readable when the stop is set."""
        felt, wake = os.pipe()
        os.set_blocking(wake, False)
        with self._lock:
            self._wake = wake
            if self._set:
                os.write(wake, b"\1")
        try:
            yield felt
        finally:
            with self._lock:
                self._wake = None
            os.close(wake)
            os.close(felt)


@dataclass(slots=True)
class Watch:
    """Reads the output as it comes, ends the order when its time is up or a stop is felt, and says how it ended."""

    control: socket.socket
    output: int
    felt: int
    deadline: float
    on_output: Callable[[bytes], None]
    cut: Outcome | None = None
    killed: bool = False
    gave_up: bool = False
    """It was killed, and yet is there: it hangs in the kernel."""

    def until_end(self) -> Outcome:
        """`failed_command` is left for the caller, who has the order file."""
        poll = select.poll()
        control = self.control.fileno()
        for fd in (self.output, control, self.felt):
            poll.register(fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(self._patience())}
            if self.output in ready and not self._read():
                poll.unregister(self.output)
            if control in ready:
                return self._end(self._hear())
            if self.felt in ready:
                poll.unregister(self.felt)
                self._cut(Outcome(Ending.STOPPED, detail="stopped"))
            if time.monotonic() >= self.deadline and (given_up := self._press()):
                return given_up

    def _patience(self) -> float:
        """Milliseconds to wait, rounded up and within what poll can count."""
        return min(max(0.0, self.deadline - time.monotonic()) * 1000 + 1, 86_400_000)

    def _read(self) -> bool:
        chunk = os.read(self.output, CHUNK)
        if chunk:
            self.on_output(chunk)
        return bool(chunk)

    def kill(self) -> None:
        """Ends the order whatever comes, for a caller that cannot go on."""
        self._say(b"K")
        if select.select([self.control], [], [], PATIENCE)[0]:
            self._hear()

    def _hear(self) -> bytes:
        try:
            return self.control.recv(2048)
        except ConnectionResetError:
            # The other end closed without reading our last word; what it said before comes after this error.
            return self.control.recv(2048)

    def _cut(self, outcome: Outcome) -> None:
        if self.cut is None:
            self.cut = outcome
            self._say(b"T")
            self.deadline = time.monotonic() + GRACE

    def _press(self) -> Outcome | None:
        """The deadline has passed: of the order, of its grace, or of our patience."""
        if self.cut is None:
            self._cut(Outcome(Ending.TIMED_OUT, detail="out of time"))
        elif not self.killed:
            self.killed = True
            self._say(b"K")
            self.deadline = time.monotonic() + PATIENCE
        else:
            self.gave_up = True
            return Outcome(self.cut.ending, detail=f"{self.cut.detail}; it does not die")
        return None

    def _say(self, word: bytes) -> None:
        # If it has just ended there is nobody to tell, and its end is what we read next.
        with suppress(ConnectionError):
            self.control.send(word)

    def _end(self, word: bytes) -> Outcome:
        self._drain()
        if word[:1] == b"O":
            number = self._hear()
            self._await_reaping()
            return _not_started(number)
        if word[:1] == b"N":
            return Outcome(Ending.NOT_STARTED, detail=word[1:].decode(errors="replace"))
        if word[:1] != b"E":
            return self.cut or Outcome(Ending.LOST, detail="the process that starts shells has died")
        return self.cut or _outcome(os.waitstatus_to_exitcode(int(word[1:])))

    def _await_reaping(self) -> None:
        """Until the spawner is through with a child that became no shell: what it kills then must not be our next one.

        The child's own words end with an empty one; a second empty one is the end of the socket.
        """
        empty = 0
        while empty < 2 and select.select([self.control], [], [], PATIENCE)[0]:  # noqa: PLR2004 - as told above
            word = self._hear()
            if word[:1] == b"E":
                return
            empty += not word

    def _drain(self) -> None:
        """What the shell wrote before it ended. Whoever else holds the pipe open is not waited for."""
        os.set_blocking(self.output, False)
        left = _DRAIN
        while left > 0:
            try:
                chunk = os.read(self.output, CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                return
            left -= len(chunk)
            self.on_output(chunk)


def _not_started(number: bytes) -> Outcome:
    error = int(number, 16)
    return Outcome(Ending.NOT_STARTED, detail=BUSY if error == errno.EAGAIN else os.strerror(error))


def _outcome(code: int) -> Outcome:
    if code < 0:
        return Outcome(Ending.SIGNALLED, 128 - code, detail=f"killed by {signal.Signals(-code).name}")
    return Outcome(Ending.EXITED, code, detail="" if code == 0 else f"exit code {code}")
