"""One file that holds all of a local home's data, made while the service runs.

The database is copied first, as one snapshot. Objects are written before the documents that name them, and never
changed in place: so every object that the snapshot names is there when the objects are linked right after it. Only what
is deleted in the moment between may be named and missing: a job that someone was just deleting can come back without
its logs. Objects that are newer than the snapshot do no harm.
"""

import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from chalicelib.durable import make_folder, sync_folder
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.objects.paths import UNFINISHED
from chalicelib.schema import MIGRATIONS
from chalicelib.settings import Settings

DATABASE, OBJECTS, KEYS = "millrace.db", "objects", "keys"
PARTS = (KEYS, OBJECTS, DATABASE)
"""The database comes last, in the file and into its place: where it is, the rest is too."""
LEFT_OVER_SECONDS = 86_400


def backup(settings: Settings, target: Path) -> None:
    """Write the tar file `target`. Raises NotFound when there is no data, Conflict when the target exists."""
    target = target.absolute()
    if not (settings.data / DATABASE).exists():
        raise NotFound(f"There is no data in {settings.data}.")
    if target.exists():
        raise Conflict(f"{target} exists, and a backup never replaces a file.")
    _remove_left_over(settings.data)
    with _scratch(settings.data, "backup") as copy, _scratch(target.parent, "backup") as beside:
        _copy_database(settings.data / DATABASE, copy / DATABASE)
        _link_tree(settings.data / OBJECTS, copy / OBJECTS, leave_out=lambda name: name == UNFINISHED)
        _link_tree(settings.data / KEYS, copy / KEYS, leave_out=lambda name: name.startswith("."))
        _pack(copy, beside / "tar")
        (beside / "tar").rename(target)
    sync_folder(target.parent)


def restore(settings: Settings, source: Path) -> None:
    """Put the data of a backup in place. Raises Conflict when there is data, Invalid when the backup is not whole."""
    make_folder(settings.data)
    if any(settings.data.iterdir()):
        raise Conflict(f"{settings.data} is not empty, and restoring never replaces data.")
    with _scratch(settings.data, "restore") as copy:
        _unpack(source, copy)
        _check_database(copy / DATABASE)
        os.sync()
        _put_in_place(copy, settings.data)
    sync_folder(settings.data)


@contextmanager
def _scratch(folder: Path, purpose: str) -> Iterator[Path]:
    path = folder / f".{purpose}-{token_hex(8)}"
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _remove_left_over(data: Path) -> None:
    """What a killed backup has left; one that still runs is not that old."""
    for path in data.glob(".backup-*"):
        if path.stat().st_mtime < time.time() - LEFT_OVER_SECONDS:
            shutil.rmtree(path)


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def _link_tree(source: Path, target: Path, *, leave_out: Callable[[str], bool]) -> None:
    """What disappears meanwhile is left out."""
    target.mkdir()
    with suppress(FileNotFoundError), os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not leave_out(entry.name):
                _link_tree(Path(entry), target / entry.name, leave_out=leave_out)
            elif not leave_out(entry.name):
                with suppress(FileNotFoundError):
                    (target / entry.name).hardlink_to(entry)


def _pack(copy: Path, target: Path) -> None:
    with target.open("xb") as file:
        target.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w") as tar:
            for part in PARTS:
                tar.add(copy / part, arcname=part)
        file.flush()
        os.fsync(file.fileno())


def _unpack(source: Path, copy: Path) -> None:
    try:
        with tarfile.open(source, mode="r:") as tar:
            if not all(member.isfile() or member.isdir() for member in tar):
                raise Invalid(f"{source} is no backup: it holds more than files and folders.")
            tar.extractall(copy, filter="data")
    except tarfile.TarError as error:
        raise Invalid(f"{source} is no whole backup: {error}.") from error
    if {path.name for path in copy.iterdir()} != set(PARTS):
        raise Invalid(f"{source} is no whole backup of Millrace.")


def _check_database(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            [version] = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise Invalid(f"The backup's database is damaged: {error}.") from error
    if verdict != "ok":
        raise Invalid(f"The backup's database is damaged: {verdict}.")
    if version > len(MIGRATIONS):
        raise Invalid("The backup is of a newer Millrace; upgrade the program first.")


def _put_in_place(copy: Path, data: Path) -> None:
    placed: list[str] = []
    try:
        for part in PARTS:
            (copy / part).rename(data / part)
            placed.append(part)
    except BaseException:
        for part in placed:
            (data / part).rename(copy / part)
        raise
