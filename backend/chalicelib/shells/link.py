"""The worker's end of the spawner: starts it, starts it again when it died, and talks to it."""

import marshal
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ANSWER = 10.0
"""Seconds in which a living spawner answers."""
_ENDED = 3.0
"""Seconds that a spawner takes at most to kill what it started."""
_LAUNCH = "import sys; sys.path.append(sys.argv.pop(1)); from chalicelib.spawner.main import main; main()"


class SpawnerFailed(Exception):
    """The process that starts shells does not come up."""


@dataclass(frozen=True, slots=True)
class _Spawner:
    process: subprocess.Popen[bytes]
    orders: socket.socket
    alive: int
    """A pipe that ends when the spawner and its guard are gone."""

    def adopt(self, lock: int, user: int, folder: Path) -> None:
        socket.send_fds(self.orders, [marshal.dumps((user, str(folder)))], [lock])
        if self.orders.recv(16) != b"ok":
            raise ConnectionResetError("the process that starts shells has died")

    def end(self) -> None:
        """Returns when nothing is left of the spawner that could still kill what its successor starts."""
        self.orders.close()
        gone, _, _ = select.select([self.alive], [], [], _ENDED)
        os.close(self.alive)
        if not gone:
            self.process.kill()
        self.process.wait()


_TRIES = 3
_GONE = (ConnectionError, TimeoutError)


class Link:
    def __init__(self, warden: int, processes: int, kept: Sequence[int] = ()) -> None:
        """`warden`: the user behind which the spawner kills other users' processes; 0 where orders have no users.

        `processes`: how many a user may have; 0 where orders have none. `kept`: files the spawner keeps open too.
        """
        self._arguments = (warden, processes, kept)
        self._lock = threading.Lock()
        self._adopted: list[tuple[int, int, Path]] = []
        self._closed = False
        self._spawner = _start(*self._arguments)

    def send(self, request: Sequence[int]) -> object:
        """Hands the files of a request to the spawner, a new one if the last has died, and says to which."""
        with self._lock:
            self._refuse_closed()
            try:
                socket.send_fds(self._spawner.orders, [b"\1"], request)
            except ConnectionError:
                self._insist()
                socket.send_fds(self._spawner.orders, [b"\1"], request)
            return self._spawner

    def adopt(self, lock: int, user: int, folder: Path) -> None:
        """Lets the spawner hold a lease too; afterwards nothing of an earlier holder runs."""
        with self._lock:
            self._refuse_closed()
            self._adopted.append((lock, user, folder))
            try:
                self._spawner.adopt(lock, user, folder)
            except _GONE:
                self._insist()

    def mend(self, lost: object) -> None:
        """After a loss by that spawner: a new one, once all that the lost one started has ended."""
        with self._lock:
            if self._spawner is lost and not self._closed:
                self._renew()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._spawner.end()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise SpawnerFailed("no shells are started any more")

    def _insist(self) -> None:
        if not any(self._renew() for _ in range(_TRIES)):
            raise SpawnerFailed("the process that starts shells dies as soon as it is started")

    def _renew(self) -> bool:
        self._spawner.end()
        self._spawner = _start(*self._arguments)
        try:
            for lease in self._adopted:
                self._spawner.adopt(*lease)
        except _GONE:
            return False
        return True


def _start(warden: int, processes: int, kept: Sequence[int]) -> _Spawner:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_ANSWER)
    alive, life = os.pipe()
    with theirs, os.fdopen(life, "wb"):
        passed = (theirs.fileno(), life)
        arguments = map(str, (Path(__file__).parents[2], *passed, warden, processes, *kept))
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and file
            [sys.executable, "-I", "-S", "-c", _LAUNCH, *arguments],
            pass_fds=(*passed, *kept),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,
        )
    return _Spawner(process, ours, alive)
