"""Workers of one machine: each locks a file of its own, and its death unlocks it."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_SUFFIX = ".lock"


class LockPresence:
    """`folder` is where the workers of this machine hold their locks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def enter(self, worker: str) -> "LockedPlace":
        return LockedPlace(self._folder, worker)

    def is_present(self, worker: str) -> bool:
        return bool(worker) and _is_locked(self._path(worker))

    def present(self) -> list[str]:
        return [worker for worker in self._known() if self.is_present(worker)]

    def departed(self) -> list[str]:
        return [worker for worker in self._known() if not self.is_present(worker)]

    def forget(self, worker: str) -> None:
        self._path(worker).unlink(missing_ok=True)

    def _path(self, worker: str) -> Path:
        return self._folder / f"{worker}{_SUFFIX}"

    def _known(self) -> Iterator[str]:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            yield path.name.removesuffix(_SUFFIX)


class LockedPlace:
    """It ends with `leave`, or with the last process that has its file open."""

    def __init__(self, folder: Path, worker: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Locked before it has its name, so that nobody ever sees it unlocked.
        unnamed = folder / f"{worker}.new"
        self._file = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        unnamed.rename(folder / f"{worker}{_SUFFIX}")

    @property
    def files(self) -> Sequence[int]:
        return (self._file,)

    def stay(self) -> None:
        """Its lock says it."""

    def is_held(self) -> bool:
        return True

    def leave(self) -> None:
        os.close(self._file)


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
