"""Which worker processes of this machine live: each locks a file of its own, and its death unlocks it."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_SUFFIX = ".lock"


class Presence:
    """Held by a live worker. It ends with `leave`, or with the last process that has its `file` open."""

    def __init__(self, workers: Path, worker: str) -> None:
        workers.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = workers / f"{worker}{_SUFFIX}"
        # Locked before it has its name, so that nobody ever sees it unlocked.
        unnamed = workers / f"{worker}.new"
        self.file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        unnamed.rename(self._path)

    def leave(self) -> None:
        os.close(self.file)


def is_present(workers: Path, worker: str) -> bool:
    return bool(worker) and _is_locked(workers / f"{worker}{_SUFFIX}")


def present(workers: Path) -> list[str]:
    return [worker for worker in _known(workers) if is_present(workers, worker)]


def departed(workers: Path) -> list[str]:
    """Workers that died or left, until they are forgotten."""
    return [worker for worker in _known(workers) if not is_present(workers, worker)]


def forget(workers: Path, worker: str) -> None:
    (workers / f"{worker}{_SUFFIX}").unlink(missing_ok=True)


def _known(workers: Path) -> Iterator[str]:
    for path in sorted(workers.glob(f"*{_SUFFIX}")):
        yield path.name.removesuffix(_SUFFIX)


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
