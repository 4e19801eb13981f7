"""Objects as files of a folder.

Files are linked into place whole and never changed there, so whoever links them elsewhere has a snapshot.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, NamedTuple

import jwt

from chalicelib.clock import Clock
from chalicelib.durable import make_folder, sync_folder
from chalicelib.errors import NotFound
from chalicelib.objects import AlreadyThere, ObjectInfo
from chalicelib.objects.keys import check_key
from chalicelib.objects.paths import UNFINISHED, key_path, walk

PIECE = 1024 * 1024
UNFINISHED_SECONDS = 3600
PUT_TRIES = 10
LINKS = "/files/"


class Link(NamedTuple):
    """`filename` of a download, `most` bytes of an upload."""

    key: str
    filename: str = ""
    most: int = 0


class FolderObjects:
    """`secret` signs the links; whoever serves them asks `open_link` what they stand for."""

    def __init__(self, folder: Path, secret: bytes, clock: Clock) -> None:
        self._folder = folder
        self._secret = secret
        self._clock = clock
        make_folder(folder / UNFINISHED)
        self._clean()

    @property
    def origin(self) -> str:
        return ""

    def put(self, key: str, content: bytes | BinaryIO, *, replace: bool = False) -> int:
        path = self._path(key)
        if not replace and path.exists():
            raise _already_there(key)
        with self._unfinished() as unfinished:
            size = _write(unfinished, content)
            self._place(unfinished, path, key, replace=replace)
        return size

    def get(self, key: str) -> bytes:
        with self._open(key) as file:
            return file.read()

    def read(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        pieces = _pieces(self._open(key), start)
        next(pieces)
        return pieces

    def info(self, key: str) -> ObjectInfo:
        try:
            return _info(key, self._path(key).stat())
        except FileNotFoundError:
            raise _not_found(key) from None

    def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[ObjectInfo]:
        found = walk(self._folder, prefix, after)
        return [_info(key, status) for key, status in islice(found, limit)]

    def delete(self, key: str) -> None:
        path = self._path(key)
        path.unlink(missing_ok=True)
        self._remove_empty(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        count = 0
        for key, _ in walk(self._folder, prefix, ""):
            self.delete(key)
            count += 1
        return count

    def get_link(self, key: str, *, lasts: timedelta, filename: str) -> str:
        return self._link("GET", key, lasts, filename=filename)

    def put_link(self, key: str, *, lasts: timedelta, most: int, once: bool = False) -> str:  # noqa: ARG002 - all are
        return self._link("PUT", key, lasts, most=most)

    def open_link(self, token: str, method: str) -> Link:
        """What a link stands for. Raises NotFound when it is forged, expired or for another method."""
        try:
            claims = jwt.decode(token, self._secret, algorithms=["HS256"], options={"verify_exp": False})
        except (jwt.InvalidTokenError, UnicodeEncodeError):
            raise _no_link() from None
        if claims.get("method") != method or claims["exp"] <= self._clock.now().timestamp():
            raise _no_link()
        return Link(claims["key"], claims.get("filename", ""), claims.get("most", 0))

    def _link(self, method: str, key: str, lasts: timedelta, **more: str | int) -> str:
        check_key(key)
        expires = (self._clock.now() + lasts).timestamp()
        claims = {"method": method, "key": key, "exp": expires, **more}
        return LINKS + jwt.encode(claims, self._secret, algorithm="HS256")

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._folder / key_path(key)

    def _open(self, key: str) -> FileIO:
        try:
            return FileIO(self._path(key))
        except FileNotFoundError:
            raise _not_found(key) from None

    @contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """A fresh path in the same file system; nothing is left of it."""
        path = self._folder / UNFINISHED / token_hex(16)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _place(self, unfinished: Path, path: Path, key: str, *, replace: bool) -> None:
        for _ in range(PUT_TRIES):
            make_folder(path.parent)
            # Someone may remove the folder as an empty one between the two.
            with suppress(FileNotFoundError):
                if replace:
                    unfinished.replace(path)
                else:
                    _link(unfinished, path, key)
                sync_folder(path.parent)
                return
        raise FileNotFoundError(path)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._folder:
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return
            folder = folder.parent

    def _clean(self) -> None:
        """What processes that were killed while they wrote have left."""
        for path in (self._folder / UNFINISHED).iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - UNFINISHED_SECONDS:
                    path.unlink()


def _link(unfinished: Path, path: Path, key: str) -> None:
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        raise _already_there(key) from None


def _write(path: Path, content: bytes | BinaryIO) -> int:
    size = 0
    with path.open("xb") as file:
        path.chmod(0o600)
        for piece in [content] if isinstance(content, bytes) else iter(lambda: content.read(PIECE), b""):
            size += file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return size


def _pieces(file: FileIO, start: int) -> Iterator[bytes]:
    """The first piece is empty: once it is taken the file is sure to be closed, read to its end or not."""
    with file:
        file.seek(start)
        yield b""
        while piece := file.read(PIECE):
            yield piece


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _not_found(key: str) -> NotFound:
    return NotFound(f"There is no object {key}.")


def _already_there(key: str) -> AlreadyThere:
    return AlreadyThere(f"The object {key} exists, and objects are written once.")


def _no_link() -> NotFound:
    return NotFound("This link has expired or was never made.")
