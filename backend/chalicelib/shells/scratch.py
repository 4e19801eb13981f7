"""The folders in which orders run, and what can be done in them without being led astray by an order."""

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from chalicelib.shells.leases import UnsafeFolder

SHARED = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  # where everyone may write, and so where orders leave files
_CLOCK_STEP = 50_000_000
"""Nanoseconds in which two changes of a folder may bear one time."""


def default_scratch(data: Path) -> Path:
    """Outside of the data, whose folders the users that orders run as may not even pass through."""
    mark = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"millrace-{os.geteuid()}-{mark}"


def make_empty(folder: Path, user: int) -> None:
    """An empty folder that only `user` (0: we ourselves) can enter; its parent is ours."""
    if is_empty(folder, user):
        return
    remove(folder)
    folder.mkdir(mode=0o700)
    if user:
        os.chown(folder, user, user, follow_symlinks=False)


def is_empty(folder: Path, user: int) -> bool:
    """Whether it is as `make_empty` makes it. To look is far cheaper than to make folders on a disk that is busy."""
    try:
        found = folder.lstat()
        return (found.st_mode, found.st_uid) == (stat.S_IFDIR | 0o700, user or os.geteuid()) and not os.listdir(folder)  # noqa: PTH208  # a third of the time
    except OSError:
        return False


def belongs_to(folder: Path, user: int) -> bool:
    return os.path.lexists(folder) and folder.lstat().st_uid == user


def give(path: Path, user: int) -> None:
    """Makes what is at and below `path` the user's own and readable to it. Nothing of the user may be running."""
    _hand_over(path, user)
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            _hand_over(Path(folder, name), user)


def _hand_over(path: Path, user: int) -> None:
    found = path.lstat()
    if user:
        os.chown(path, user, user, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        path.chmod(stat.S_IMODE(found.st_mode) | (0o700 if stat.S_ISDIR(found.st_mode) else 0o600))


def open_left(folder: Path, name: str, user: int) -> BinaryIO:
    """A regular file that an order left in its folder.

    Raises FileNotFoundError, or UnsafeFolder for a name that leads elsewhere.
    """
    parts = Path(name).parts
    if not parts or ".." in parts or "\0" in name or Path(name).is_absolute():
        raise UnsafeFolder(f"{name!r} is no name of a file in the order's folder")
    *parents, last = parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for part in parents:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        # A pipe would keep us waiting for its other end.
        file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnsafeFolder(f"{name}: {error.strerror}") from error
    finally:
        os.close(at)
    return _checked(file, name, user)


def _checked(file: int, name: str, user: int) -> BinaryIO:
    found = os.fstat(file)
    # A hard link to a file of somebody else has its owner.
    if not stat.S_ISREG(found.st_mode) or (user and found.st_uid != user):
        os.close(file)
        raise UnsafeFolder(f"{name} is not a file of the order's own")
    return os.fdopen(file, "rb")


def remove(folder: Path) -> None:
    """Removes the folder with all that is in it, however an order left it. Follows no link."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError:
        _remove_full(folder)


def _remove_full(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        # Folders without permissions, or nested deeper than we can recurse: the system's own tools know both.
        for command in (("chmod", "-R", "u+rwX", "--"), ("rm", "-rf", "--")):
            subprocess.run([*command, folder], check=False, capture_output=True, stdin=subprocess.DEVNULL)  # noqa: S603
    if os.path.lexists(folder):
        raise OSError(f"{folder} could not be removed")


@dataclass(slots=True)
class SharedFolders:
    """Removes what a user's orders leave where everyone may write, so that the user's next order cannot read it.

    Looks only where something changed since it looked last: there may be thousands of files of others.
    """

    user: int
    seen: dict[str, int]

    @classmethod
    def of(cls, user: int) -> "SharedFolders":
        return cls(user, {})

    def clean(self) -> None:
        for folder in SHARED:
            changed = _changed(folder)
            if changed is None or self.seen.get(folder) == changed:
                continue
            self._clean(folder)
            # A time too fresh to be relied on is not remembered: a later change could bear the same.
            now = _changed(folder) or 0
            self.seen[folder] = now if time.time_ns() - now > _CLOCK_STEP else 0

    def _clean(self, folder: str) -> None:
        with os.scandir(folder) as entries:
            left = [Path(each.path) for each in entries if _owner(each) == self.user]
        for path in left:
            if path.is_dir() and not path.is_symlink():
                remove(path)
            else:
                path.unlink(missing_ok=True)


def _changed(folder: str) -> int | None:
    try:
        return Path(folder).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _owner(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except FileNotFoundError:
        return None
