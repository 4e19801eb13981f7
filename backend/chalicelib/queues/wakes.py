"""How a receiver that waits learns of a message without looking again and again.

Each wake goes to one waiter and to no other, and a waiter looks at its queue once more after it has left: so a wake is
never spent on someone who has just stopped waiting.
"""

import errno
import os
import select
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import islice
from math import ceil
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from chalicelib.durable import make_folder


class Waiter(Protocol):
    def wait(self, timeout: float) -> bool:
        """True as soon as it is woken, False after so many seconds."""
        ...


class Wakes(Protocol):
    def waiter(self, queue: str) -> AbstractContextManager[Waiter]:
        """Inside, the waiter can be woken; one that was woken must be entered again to be woken again."""
        ...

    def wake(self, queue: str, count: int) -> None:
        """Wake up to so many waiters."""
        ...


class ThreadWakes:
    """Inside one process."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[threading.Event]] = defaultdict(deque)

    @contextmanager
    def waiter(self, queue: str) -> Iterator[Waiter]:
        event = threading.Event()
        self._waiting[queue].append(event)
        try:
            yield event
        finally:
            with suppress(ValueError):
                self._waiting[queue].remove(event)

    def wake(self, queue: str, count: int) -> None:
        waiting = self._waiting[queue]
        for _ in range(min(count, len(waiting))):
            with suppress(IndexError):
                waiting.popleft().set()


class FifoWakes:
    """Between processes: each waiter has a FIFO in the folder, and whoever removes its name may wake it."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._folder = folder

    @contextmanager
    def waiter(self, queue: str) -> Iterator[Waiter]:
        name = f"{queue}~{os.getpid()}-{token_hex(4)}"
        path, unopened = self._folder / name, self._folder / f".{name}"
        os.mkfifo(unopened, 0o600)
        descriptor = os.open(unopened, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Opened before it can be found, so that a FIFO without a reader is that of a dead process.
            unopened.rename(path)
            yield _Fifo(descriptor)
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def wake(self, queue: str, count: int) -> None:
        waiting = (path for path in self._folder.iterdir() if path.name.startswith(f"{queue}~"))
        woken = (path for path in waiting if _wake(path))
        for _ in islice(woken, count):
            pass


class _Fifo:
    def __init__(self, descriptor: int) -> None:
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def wait(self, timeout: float) -> bool:
        return bool(self._poll.poll(ceil(timeout * 1000)))


def _wake(path: Path) -> bool:
    """False when the waiter is gone or another wake was faster."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            path.unlink(missing_ok=True)
        return False
    try:
        path.unlink()
        os.write(descriptor, b"!")
    except FileNotFoundError:
        return False
    except BrokenPipeError:
        return True
    finally:
        os.close(descriptor)
    return True
