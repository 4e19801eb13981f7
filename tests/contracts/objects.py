import io
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import Invalid, NotFound
from chalicelib.objects import AlreadyThere, Objects

MIB = 1024 * 1024
BAD_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/..",
    "../a",
    "a/./b",
    "a/../b",
    "x" * 251,
    "x/" * 450 + "x",
    "a\0b",
    "a\nb",
    "\ud800",
]
GOOD_KEYS = [
    "a",
    "a/b",
    "...",
    ".a",
    "a/..b/c.",
    "~",
    "a b",
    "ünï/\U0001f600",
    "100%",
    "%2F",
    "a\\b",
    "x" * 250,
    "/".join(["y" * 224] * 4) + "y",
    "-",
    "C:",
    "a'b\"c",
]


class Broken(io.BytesIO):
    """A source that fails after its first piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 0:
            raise OSError("the line went dead")
        return super().read(size)


def keys_of(objects: Objects, prefix: str, **options: Any) -> list[str]:
    return [info.key for info in objects.list(prefix, **options)]


class ObjectsContract:
    def test_it_works(self, objects: Objects) -> None:
        assert objects.put("runs/1/log", b"\x00\xffbytes") == 7
        assert objects.get("runs/1/log") == b"\x00\xffbytes"

    def test_an_empty_object_is_an_object(self, objects: Objects) -> None:
        assert objects.put("a", b"") == 0
        assert objects.get("a") == b""
        assert b"".join(objects.read("a")) == b""

    def test_a_stream_is_stored_whole(self, objects: Objects) -> None:
        content = bytes(range(256)) * 10_000
        assert objects.put("a", io.BytesIO(content)) == len(content)
        assert objects.get("a") == content

    def test_objects_are_written_once(self, objects: Objects) -> None:
        objects.put("a", b"first")
        with pytest.raises(AlreadyThere):
            objects.put("a", b"second")
        with pytest.raises(AlreadyThere):
            objects.put("a", io.BytesIO(b"third"))
        assert objects.get("a") == b"first"

    def test_replace_replaces(self, objects: Objects) -> None:
        objects.put("a", b"first", replace=True)
        objects.put("a", b"second", replace=True)
        assert objects.get("a") == b"second"

    def test_a_source_that_fails_leaves_nothing(self, objects: Objects) -> None:
        with pytest.raises(OSError, match="line went dead"):
            objects.put("a", Broken(b"x" * 100))
        assert objects.list("") == []

    @pytest.mark.parametrize("key", ["missing", "a/b", "a/b/c/d", "a"])
    def test_what_is_not_there_is_not_found(self, objects: Objects, key: str) -> None:
        objects.put("a/b/c", b"x")
        for ask in (objects.get, objects.read, objects.info):
            with pytest.raises(NotFound):
                ask(key)

    def test_reading_comes_in_pieces(self, objects: Objects) -> None:
        content = b"0123456789abcdef" * (MIB // 16) * 2 + b"tail"
        objects.put("a", content)
        pieces = list(objects.read("a"))
        assert max(map(len, pieces)) <= MIB
        assert b"".join(pieces) == content

    @pytest.mark.parametrize(("start", "expected"), [(0, b"abcdef"), (2, b"cdef"), (5, b"f"), (6, b""), (99, b"")])
    def test_reading_from_the_middle(self, objects: Objects, start: int, expected: bytes) -> None:
        objects.put("a", b"abcdef")
        assert b"".join(objects.read("a", start=start)) == expected

    def test_info_tells_size_and_time(self, objects: Objects) -> None:
        objects.put("a/b", b"abc")
        info = objects.info("a/b")
        assert (info.key, info.size) == ("a/b", 3)
        assert info.modified.utcoffset() == timedelta(0)

    def test_a_deleted_object_is_gone(self, objects: Objects) -> None:
        objects.put("a", b"x")
        objects.delete("a")
        objects.delete("a")
        with pytest.raises(NotFound):
            objects.get("a")
        objects.put("a", b"y")
        assert objects.get("a") == b"y"


class ObjectKeysContract:
    @pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: ascii(key[:8]))
    def test_a_bad_key_is_refused_everywhere(self, objects: Objects, key: str) -> None:
        with pytest.raises(Invalid):
            objects.put(key, b"x")
        for ask in (objects.get, objects.read, objects.info, objects.delete):
            with pytest.raises(Invalid):
                ask(key)
        with pytest.raises(Invalid):
            objects.get_link(key, lasts=timedelta(hours=1), filename="a")
        with pytest.raises(Invalid):
            objects.put_link(key, lasts=timedelta(hours=1), most=9)

    @pytest.mark.parametrize("key", GOOD_KEYS, ids=lambda key: ascii(key[:8]))
    def test_a_good_key_works_everywhere(self, objects: Objects, key: str) -> None:
        objects.put(key, b"x")
        assert objects.get(key) == b"x"
        assert objects.info(key).size == 1
        assert keys_of(objects, "") == [key]
        assert objects.get_link(key, lasts=timedelta(hours=1), filename="a")
        objects.delete(key)
        assert objects.list("") == []

    def test_a_key_may_begin_another(self, objects: Objects) -> None:
        objects.put("a", b"1")
        objects.put("a/b", b"2")
        objects.put("a/b/c", b"3")
        assert [objects.get(key) for key in ("a", "a/b", "a/b/c")] == [b"1", b"2", b"3"]
        objects.delete("a/b")
        assert keys_of(objects, "") == ["a", "a/b/c"]

    def test_keys_that_differ_in_case_are_two(self, objects: Objects) -> None:
        objects.put("Key", b"1")
        objects.put("key", b"2")
        assert (objects.get("Key"), objects.get("key")) == (b"1", b"2")


class ObjectListsContract:
    KEYS = (
        "a",
        "a!",
        "a-b",
        "a/b",
        "a/b-c",
        "a/b/c",
        "a/c",
        "a0",
        "ab",
        "b/1",
        "b/10",
        "b/2",
        "ä",
        "\uffee",
        "\U0001f600",
    )
    """In the byte order of UTF-8, as S3 lists."""

    @pytest.fixture
    def filled(self, objects: Objects) -> Objects:
        for key in reversed(self.KEYS):
            objects.put(key, key.encode())
        return objects

    def test_all_in_key_order(self, filled: Objects) -> None:
        assert keys_of(filled, "") == list(self.KEYS)

    @pytest.mark.parametrize(
        "prefix", ["a", "a/", "a/b", "a/b/", "b/1", "b", "ä", "z", "a/b/c/", "a!", "/", "..", "b/1/.."]
    )
    def test_by_prefix(self, filled: Objects, prefix: str) -> None:
        assert keys_of(filled, prefix) == [key for key in self.KEYS if key.startswith(prefix)]

    @pytest.mark.parametrize("after", ["a", "a-b", "a/", "a/b/c", "a/bb", "b/1", "ä", "\U0001f600", "0", "a/zzz"])
    def test_after_a_key(self, filled: Objects, after: str) -> None:
        assert keys_of(filled, "", after=after) == [key for key in self.KEYS if key > after]
        assert keys_of(filled, "a/", after=after) == [key for key in self.KEYS if key > after and key.startswith("a/")]

    def test_pages_meet_without_gap_or_overlap(self, filled: Objects) -> None:
        seen: list[str] = []
        while page := keys_of(filled, "", after=seen[-1] if seen else "", limit=4):
            assert len(page) <= 4
            seen += page
        assert seen == list(self.KEYS)

    def test_a_listing_tells_sizes(self, filled: Objects) -> None:
        assert [info.size for info in filled.list("a/b")] == [3, 5, 5]

    @pytest.mark.parametrize("prefix", ["a/b", "a/", "b/1", "", "none"])
    def test_deleting_a_prefix_removes_just_that(self, filled: Objects, prefix: str) -> None:
        gone = [key for key in self.KEYS if key.startswith(prefix)]
        assert filled.delete_prefix(prefix) == len(gone)
        assert keys_of(filled, "") == [key for key in self.KEYS if key not in gone]
