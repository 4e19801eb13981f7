"""Numbers that no two processes of this machine hold at the same time."""

import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


class NoneLeft(Exception):
    """Every number is held by someone."""


class UnsafeFolder(Exception):
    """A folder that others could have prepared for us; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Held while `lock` is open here or in a process that was given it, and so never outlives its holders."""

    number: int
    lock: int

    def note(self, folder: Path) -> Path | None:
        """Writes down where the lease is used, and tells where its last holder used it: a crash may have left that."""
        before = os.pread(self.lock, 4096, 0)
        os.ftruncate(self.lock, 0)
        os.pwrite(self.lock, os.fsencode(folder), 0)
        return Path(os.fsdecode(before)) if before else None

    def release(self) -> None:
        os.close(self.lock)


def take_lease(folder: Path, numbers: Iterable[int]) -> Lease:
    """The first of the numbers that nobody holds. `folder` is the same for all who must not share a number."""
    own_folder(folder, 0o700)
    for number in numbers:
        lock = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return Lease(number, lock)
    raise NoneLeft(f"all leases of {folder} are held")


def own_folder(folder: Path, mode: int) -> None:
    """Makes the folder if need be, and sees to it that it is a real folder, ours, with exactly this mode."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=mode)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeFolder(f"{folder} is not a folder")
    if found.st_uid != os.geteuid():
        raise UnsafeFolder(f"{folder} belongs to user {found.st_uid}, not to {os.geteuid()}")
    if stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)
