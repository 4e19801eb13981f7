"""What stands in for the spawner on systems other than Linux: threads and `subprocess`, slower and weaker."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from chalicelib.spawner.starting import read_header

_ORDER_AT_9 = 'exec "$@" 9>&0 </dev/null'


class PlainLink:
    """Ends the group of an order, and cannot find what left it. Nothing ends orders when the worker is killed."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()

    def send(self, request: Sequence[int]) -> object:
        channel, output, order = map(os.dup, request)
        control = socket.socket(fileno=channel)
        argv, env, home, *_ = read_header(order)
        os.lseek(order, 0, os.SEEK_END)
        command = ["/bin/sh", "-c", _ORDER_AT_9, "sh", *argv]
        try:
            process = subprocess.Popen(  # noqa: S603  # running commands of users is what this is for
                command,
                cwd=home,
                env=dict(env),
                stdin=order,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            control.send(f"N{error}".encode())
            control.close()
            return self
        finally:
            os.close(output)
            os.close(order)
        self._running.add(process)
        threading.Thread(target=self._await, args=(process, control), daemon=True).start()
        threading.Thread(target=_obey, args=(process, control), daemon=True).start()
        return self

    def adopt(self, lock: int, user: int, folder: Path) -> None:
        """A lease is held by the worker alone."""

    def mend(self, lost: object) -> None:
        """Threads are not lost."""

    def close(self) -> None:
        for process in list(self._running):
            _kill(process, signal.SIGKILL)

    def _await(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        code = process.wait()
        self._running.discard(process)
        _kill(process, signal.SIGKILL)
        with suppress(OSError):
            control.send(b"E%d" % (-code if code < 0 else code << 8))
            control.shutdown(socket.SHUT_RDWR)


def _obey(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    """Until the order has ended, or nobody is interested in it."""
    with control:
        while word := control.recv(1):
            _kill(process, signal.SIGTERM if word == b"T" else signal.SIGKILL)
        _kill(process, signal.SIGKILL)


def _kill(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
