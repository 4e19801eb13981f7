import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from chalicelib.errors import NotFound
from chalicelib.objects import AlreadyThere
from chalicelib.objects.folder import FolderObjects
from tests.clocks import ManualClock
from tests.contracts import objects as contract

SECRET = b"s" * 32
HOUR = timedelta(hours=1)


@pytest.fixture
def objects(tmp_path: Path, clock: ManualClock) -> FolderObjects:
    return FolderObjects(tmp_path / "objects", SECRET, clock)


class TestObjects(contract.ObjectsContract):
    pass


class TestKeys(contract.ObjectKeysContract):
    pass


class TestLists(contract.ObjectListsContract):
    pass


class TestLinks:
    def test_a_link_stands_for_its_object(self, objects: FolderObjects) -> None:
        link = objects.get_link("jobs/1/log", lasts=HOUR, filename="grün.txt")
        assert link.startswith("/files/")
        assert objects.open_link(link.removeprefix("/files/"), "GET") == ("jobs/1/log", "grün.txt", 0)

    def test_a_link_to_put_stands_for_its_object(self, objects: FolderObjects) -> None:
        link = objects.put_link("jobs/1/result", lasts=HOUR, most=9)
        assert objects.open_link(link.removeprefix("/files/"), "PUT") == ("jobs/1/result", "", 9)

    def test_a_link_ends(self, objects: FolderObjects, clock: ManualClock) -> None:
        token = objects.put_link("a", lasts=HOUR, most=9).removeprefix("/files/")
        clock.tick(3599)
        assert objects.open_link(token, "PUT") == ("a", "", 9)
        clock.tick(1)
        with pytest.raises(NotFound):
            objects.open_link(token, "PUT")

    @pytest.mark.parametrize(("made", "used"), [("PUT", "GET"), ("GET", "PUT"), ("GET", "DELETE"), ("GET", "")])
    def test_a_link_is_for_one_method(self, objects: FolderObjects, made: str, used: str) -> None:
        put, get = objects.put_link("a", lasts=HOUR, most=9), objects.get_link("a", lasts=HOUR, filename="a")
        with pytest.raises(NotFound):
            objects.open_link((put if made == "PUT" else get).removeprefix("/files/"), used)

    @pytest.mark.parametrize("token", ["", ".", "a.b.c", "\udcff", "ä", "x" * 100_000])
    def test_nonsense_is_no_link(self, objects: FolderObjects, token: str) -> None:
        with pytest.raises(NotFound):
            objects.open_link(token, "GET")

    def test_forged_links_are_refused(self, objects: FolderObjects) -> None:
        claims = {"method": "GET", "key": "a", "filename": "a", "exp": 9e9}
        other = jwt.encode(claims, b"o" * 32, algorithm="HS256")
        unsigned = jwt.encode(claims, "", algorithm="none")
        altered = objects.get_link("a", lasts=HOUR, filename="a").removeprefix("/files/")[:-6] + "AAAAAA"
        for token in (other, unsigned, altered):
            with pytest.raises(NotFound):
                objects.open_link(token, "GET")


class TestFiles:
    def test_only_its_owner_can_read_an_object(self, objects: FolderObjects, tmp_path: Path) -> None:
        objects.put("a/b", b"x")
        assert (tmp_path / "objects" / "a.d" / "b.o").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "objects" / "a.d").stat().st_mode & 0o777 == 0o700

    def test_of_many_writers_one_wins(self, objects: FolderObjects) -> None:
        def put(number: int) -> bool:
            try:
                objects.put("a/b/c", f"{number}".encode())
            except AlreadyThere:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(put, range(16)))
        assert won.count(True) == 1
        assert objects.get("a/b/c") == f"{won.index(True)}".encode()

    def test_a_reader_keeps_what_was_replaced(self, objects: FolderObjects) -> None:
        objects.put("a", b"old")
        reading = objects.read("a")
        objects.put("a", b"new", replace=True)
        assert b"".join(reading) == b"old"

    def test_writing_beside_deleting_loses_nothing(self, objects: FolderObjects) -> None:
        def put_and_delete(number: int) -> None:
            objects.put(f"a/b/c/{number}", b"x")
            objects.delete(f"a/b/c/{number}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put_and_delete, range(60)))
        objects.put("a/b/c/last", b"x")
        assert [info.key for info in objects.list("")] == ["a/b/c/last"]

    def test_empty_folders_do_not_pile_up(self, objects: FolderObjects, tmp_path: Path) -> None:
        objects.put("a/b/c", b"x")
        objects.put("a/d", b"x")
        objects.delete_prefix("a/b/")
        assert sorted(path.name for path in (tmp_path / "objects" / "a.d").iterdir()) == ["d.o"]

    def test_what_a_killed_process_left_goes_at_the_next_start(
        self, objects: FolderObjects, tmp_path: Path, clock: ManualClock
    ) -> None:
        unfinished = tmp_path / "objects" / ".unfinished"
        for name, age in (("old", 3700), ("young", 3500)):
            (unfinished / name).write_bytes(b"half")
            os.utime(unfinished / name, (time.time() - age,) * 2)
        FolderObjects(tmp_path / "objects", SECRET, clock)
        assert [path.name for path in unfinished.iterdir()] == ["young"]

    def test_a_listing_looks_below_its_prefix_only(self, objects: FolderObjects, tmp_path: Path) -> None:
        objects.put("jobs/1/log", b"x")
        (tmp_path / "objects" / "jobs.d" / "2.d").write_bytes(b"what would fail if it were looked into")
        assert [info.key for info in objects.list("jobs/1/")] == ["jobs/1/log"]
