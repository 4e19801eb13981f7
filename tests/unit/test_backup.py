import os
import sqlite3
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.backup import backup, restore
from chalicelib.documents import Key, Put
from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.objects.folder import FolderObjects
from chalicelib.settings import Settings, read_settings
from chalicelib.sqlite import Database
from tests.clocks import ManualClock

KEY = Key("tenant", "job")


def settings_of(folder: Path) -> Settings:
    return read_settings({"MILLRACE_DATA": str(folder)})


def open_objects(settings: Settings) -> FolderObjects:
    return FolderObjects(settings.data / "objects", b"s" * 32, ManualClock())


@pytest.fixture
def filled(tmp_path: Path) -> Settings:
    """A home with a document, objects, a key and things that no backup wants."""
    settings = settings_of(tmp_path / "data")
    with closing(Database(settings.data / "millrace.db")) as database:
        SqliteDocuments(database, ManualClock()).transact([Put(KEY, {"log": "jobs/1/log"})])
    open_objects(settings).put("jobs/1/log", b"all of it")
    open_objects(settings).put(".hidden", b"too")
    (settings.data / "objects" / ".unfinished" / "half").write_bytes(b"half")
    for name in ("keys", "wake"):
        (settings.data / name).mkdir()
    (settings.data / "keys" / "links.key").write_bytes(b"secret")
    return settings


@pytest.fixture
def tar(filled: Settings, tmp_path: Path) -> Path:
    backup(filled, tmp_path / "millrace.tar")
    return tmp_path / "millrace.tar"


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "restored")


def test_a_backup_brings_everything_back(tar: Path, empty: Settings) -> None:
    restore(empty, tar)
    with closing(Database(empty.data / "millrace.db")) as database:
        document = SqliteDocuments(database, ManualClock()).get(KEY)
    assert document is not None
    assert document.body == {"log": "jobs/1/log"}
    assert open_objects(empty).get("jobs/1/log") == b"all of it"
    assert (empty.data / "keys" / "links.key").read_bytes() == b"secret"


def test_a_backup_holds_finished_work_only(tar: Path) -> None:
    with tarfile.open(tar) as archive:
        files = [member.name for member in archive if member.isfile()]
    assert sorted(files) == ["keys/links.key", "millrace.db", "objects/.hidden.o", "objects/jobs.d/1.d/log.o"]


def test_a_backup_is_its_owners_alone(tar: Path) -> None:
    assert tar.stat().st_mode & 0o777 == 0o600


def test_a_backup_leaves_nothing_else_behind(filled: Settings, tar: Path) -> None:
    assert list(filled.data.glob(".*")) == []
    assert {path.name for path in tar.parent.iterdir()} == {"data", "millrace.tar"}


def test_a_backup_is_made_while_the_database_is_written(filled: Settings, tmp_path: Path, empty: Settings) -> None:
    with closing(Database(filled.data / "millrace.db")) as database:
        SqliteDocuments(database, ManualClock()).transact([Put(Key("tenant", "late"), {})])
        backup(filled, tmp_path / "online.tar")
    restore(empty, tmp_path / "online.tar")
    with closing(Database(empty.data / "millrace.db")) as database:
        assert len(SqliteDocuments(database, ManualClock()).query("tenant").items) == 2


def test_what_a_killed_backup_left_goes_with_the_next(filled: Settings, tmp_path: Path) -> None:
    for name, age in ((".backup-old", 90_000), (".backup-running", 60)):
        (filled.data / name).mkdir()
        os.utime(filled.data / name, (time.time() - age,) * 2)
    backup(filled, tmp_path / "next.tar")
    assert [path.name for path in filled.data.glob(".backup-*")] == [".backup-running"]


def test_a_backup_never_replaces_a_file(filled: Settings, tar: Path) -> None:
    before = tar.read_bytes()
    with pytest.raises(Conflict, match=r"millrace\.tar"):
        backup(filled, tar)
    assert tar.read_bytes() == before


def test_no_backup_without_data(empty: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="restored"):
        backup(empty, tmp_path / "new.tar")
    assert not (tmp_path / "new.tar").exists()


def test_restoring_never_replaces_data(filled: Settings, tar: Path) -> None:
    before = sorted(filled.data.rglob("*"))
    with pytest.raises(Conflict):
        restore(filled, tar)
    assert sorted(filled.data.rglob("*")) == before


def cut_in_half(tar: Path) -> None:
    tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 2])


def cut_between_files(tar: Path) -> None:
    with tarfile.open(tar) as archive:
        end = archive.getmember("millrace.db").offset
    tar.write_bytes(tar.read_bytes()[:end])


def damage_the_database(tar: Path) -> None:
    with tarfile.open(tar) as archive:
        start = archive.getmember("millrace.db").offset_data
    content = bytearray(tar.read_bytes())
    content[start + 4096 : start + 20_000] = b"\xff" * (20_000 - 4096)
    tar.write_bytes(content)


def damage_its_first_page(tar: Path) -> None:
    with tarfile.open(tar) as archive:
        start = archive.getmember("millrace.db").offset_data
    content = bytearray(tar.read_bytes())
    content[start : start + 4096] = b"\xff" * 4096
    tar.write_bytes(content)


def make_it_newer(tar: Path) -> None:
    folder = tar.parent / "newer"
    with tarfile.open(tar) as archive:
        archive.extractall(folder, filter="data")
    with closing(sqlite3.connect(folder / "millrace.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    with tarfile.open(tar, "w") as archive:
        for part in ("keys", "objects", "millrace.db"):
            archive.add(folder / part, arcname=part)


def make_it_a_link(tar: Path) -> None:
    with tarfile.open(tar, "w") as archive:
        member = tarfile.TarInfo("keys")
        member.type, member.linkname = tarfile.SYMTYPE, "objects"
        archive.addfile(member)


def make_it_climb(tar: Path) -> None:
    (tar.parent / "payload").write_bytes(b"x")
    with tarfile.open(tar, "w") as archive:
        archive.add(tar.parent / "payload", arcname="../escaped")


def make_it_text(tar: Path) -> None:
    tar.write_text("not a tar file")


@pytest.mark.parametrize(
    "spoil",
    [
        cut_in_half,
        cut_between_files,
        damage_the_database,
        damage_its_first_page,
        make_it_newer,
        make_it_a_link,
        make_it_climb,
        make_it_text,
    ],
)
def test_a_spoiled_backup_changes_nothing(tar: Path, empty: Settings, spoil: Callable[[Path], None]) -> None:
    spoil(tar)
    with pytest.raises(Invalid):
        restore(empty, tar)
    assert list(empty.data.iterdir()) == []
    assert not (tar.parent / "escaped").exists()
