"""The parts of the shells that start no process."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.shells import NoneLeft, UnsafeFolder, default_scratch
from chalicelib.shells.isolation import bwrap_command
from chalicelib.shells.leases import Lease, own_folder, take_lease
from chalicelib.shells.running import Stop
from chalicelib.shells.scratch import give, make_empty, open_left, remove

NOBODY_ELSE = 0
"""Folders of the service's own user, as without users for orders."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "order"
    make_empty(made, NOBODY_ELSE)
    return made


@pytest.fixture
def lease(tmp_path: Path) -> Iterator[Lease]:
    taken = take_lease(tmp_path / "leases", [7, 8])
    yield taken
    taken.release()


class TestLeases:
    def test_the_first_free_number_is_leased(self, lease: Lease) -> None:
        assert lease.number == 7

    def test_a_leased_number_is_skipped(self, lease: Lease, tmp_path: Path) -> None:
        other = take_lease(tmp_path / "leases", [7, 8])
        other.release()
        assert other.number == 8

    def test_a_released_number_is_free(self, tmp_path: Path) -> None:
        take_lease(tmp_path / "leases", [7]).release()
        take_lease(tmp_path / "leases", [7]).release()

    def test_when_all_are_held_it_says_so(self, lease: Lease, tmp_path: Path) -> None:
        with pytest.raises(NoneLeft):
            take_lease(tmp_path / "leases", [7])

    def test_a_lease_tells_where_its_last_holder_worked(self, tmp_path: Path) -> None:
        first = take_lease(tmp_path / "leases", [7])
        first.note(Path("/a/rather/long/folder"))
        first.note(Path("/a/folder"))
        first.release()
        second = take_lease(tmp_path / "leases", [7])
        assert second.note(Path("/b")) == Path("/a/folder")
        second.release()

    def test_a_first_lease_has_no_last_holder(self, lease: Lease) -> None:
        assert lease.note(Path("/a")) is None


class TestOwnFolder:
    def test_it_is_made_with_its_mode(self, tmp_path: Path) -> None:
        own_folder(tmp_path / "deep" / "root", 0o711)
        assert (tmp_path / "deep" / "root").stat().st_mode & 0o777 == 0o711

    def test_a_wider_mode_is_narrowed(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        own_folder(tmp_path, 0o700)
        assert tmp_path.stat().st_mode & 0o777 == 0o700

    def test_a_link_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path)
        with pytest.raises(UnsafeFolder):
            own_folder(tmp_path / "link", 0o700)

    def test_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(UnsafeFolder):
            own_folder(tmp_path / "file", 0o700)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else")
    def test_a_folder_of_somebody_else_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "theirs").mkdir()
        os.chown(tmp_path / "theirs", 59300, 59300)
        with pytest.raises(UnsafeFolder, match="59300"):
            own_folder(tmp_path / "theirs", 0o700)


class TestRemove:
    def test_what_is_not_there_is_removed(self, tmp_path: Path) -> None:
        remove(tmp_path / "nothing")

    def test_links_out_of_the_folder_are_not_followed(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "kept").mkdir()
        (tmp_path / "kept" / "file").touch()
        (folder / "link").symlink_to(tmp_path / "kept")
        remove(folder)
        assert (tmp_path / "kept" / "file").exists()

    def test_folders_without_permissions_are_removed(self, folder: Path) -> None:
        (folder / "shut" / "inner").mkdir(parents=True)
        (folder / "shut").chmod(0)
        remove(folder)
        assert not folder.exists()

    def test_folders_deeper_than_python_can_recurse_are_removed(self, folder: Path) -> None:
        at = os.open(folder, os.O_RDONLY)
        for _ in range(1100):
            os.mkdir("d", dir_fd=at)
            inner = os.open("d", os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = inner
        os.close(at)
        remove(folder)
        assert not folder.exists()

    def test_a_fresh_folder_is_empty_whatever_was_there(self, folder: Path) -> None:
        (folder / "old").touch()
        make_empty(folder, NOBODY_ELSE)
        assert list(folder.iterdir()) == []

    def test_an_empty_folder_that_was_opened_to_others_is_closed(self, folder: Path) -> None:
        folder.chmod(0o777)
        make_empty(folder, NOBODY_ELSE)
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_a_link_in_its_place_is_replaced(self, folder: Path, tmp_path: Path) -> None:
        folder.rmdir()
        folder.symlink_to(tmp_path)
        make_empty(folder, NOBODY_ELSE)
        assert not folder.is_symlink()


class TestFilesOfOrders:
    def test_a_file_that_was_left_is_read(self, folder: Path) -> None:
        (folder / "out").mkdir()
        (folder / "out" / "file").write_bytes(b"result")
        with open_left(folder, "out/file", NOBODY_ELSE) as file:
            assert file.read() == b"result"

    def test_a_file_that_was_not_left_is_not_found(self, folder: Path) -> None:
        with pytest.raises(FileNotFoundError):
            open_left(folder, "nothing", NOBODY_ELSE)

    @pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "", ".", "a\0b", "in/../../secret"])
    def test_a_name_that_leads_out_is_refused(self, folder: Path, name: str) -> None:
        (folder.parent / "secret").touch()
        with pytest.raises(UnsafeFolder):
            open_left(folder, name, NOBODY_ELSE)

    def test_a_link_is_refused(self, folder: Path) -> None:
        (folder / "link").symlink_to("/etc/passwd")
        with pytest.raises(UnsafeFolder):
            open_left(folder, "link", NOBODY_ELSE)

    def test_a_folder_that_is_a_link_is_refused(self, folder: Path) -> None:
        (folder / "link").symlink_to("/etc")
        with pytest.raises(UnsafeFolder):
            open_left(folder, "link/passwd", NOBODY_ELSE)

    def test_a_pipe_is_refused_at_once(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe")
        with pytest.raises(UnsafeFolder):
            open_left(folder, "pipe", NOBODY_ELSE)

    def test_a_folder_is_refused(self, folder: Path) -> None:
        (folder / "out").mkdir()
        with pytest.raises(UnsafeFolder):
            open_left(folder, "out", NOBODY_ELSE)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of somebody else")
    def test_a_file_of_somebody_else_is_refused(self, folder: Path) -> None:
        (folder / "file").touch()
        with pytest.raises(UnsafeFolder):
            open_left(folder, "file", 59300)

    def test_what_is_given_can_be_read(self, folder: Path) -> None:
        (folder / "in").mkdir(mode=0o500)
        (folder / "in" / "file").touch(mode=0o000)
        give(folder / "in", NOBODY_ELSE)
        assert (folder / "in" / "file").stat().st_mode & 0o777 == 0o600


class TestStop:
    def test_it_is_felt_by_who_waits(self) -> None:
        stop = Stop()
        with stop.felt() as felt:
            threading.Thread(target=stop.set).start()
            assert os.read(felt, 1)

    def test_it_is_felt_by_who_comes_later(self) -> None:
        stop = Stop()
        stop.set()
        with stop.felt() as felt:
            assert os.read(felt, 1)

    def test_it_can_be_set_when_nobody_waits_any_more(self) -> None:
        stop = Stop()
        with stop.felt():
            pass
        stop.set()
        assert stop.is_set()


class TestPlaces:
    def test_each_data_folder_has_its_scratch_folder(self, tmp_path: Path) -> None:
        assert default_scratch(tmp_path / "a") != default_scratch(tmp_path / "b")

    def test_the_scratch_folder_of_a_data_folder_stays_the_same(self, tmp_path: Path) -> None:
        assert default_scratch(tmp_path / "a") == default_scratch(tmp_path / "x" / ".." / "a")

    def test_hidden_folders_are_covered_before_the_scratch_folder_is_shown(self, tmp_path: Path) -> None:
        command = bwrap_command(tmp_path / "scratch", [tmp_path])
        assert command.index(str(tmp_path)) < command.index(str(tmp_path / "scratch"))
