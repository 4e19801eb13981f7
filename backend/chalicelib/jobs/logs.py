"""Logs of attempts: written in pieces while they grow, read from any offset, made one object at the end."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.errors import NotFound
from chalicelib.objects import ObjectInfo, Objects

PIECE = 256 * 1024
"""So much is written at once, or what there is after the pause."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0


def tenant_prefix(tenant_id: str) -> str:
    return f"logs/{tenant_id}/"


def log_prefix(tenant_id: str, job_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}{job_id}/"


def _folder(tenant_id: str, job_id: str, number: int, attempt: int) -> str:
    return f"{log_prefix(tenant_id, job_id)}{number:04d}/{attempt:04d}/"


def whole_key(tenant_id: str, job_id: str, number: int, attempt: int) -> str:
    """Where the log is once its attempt has ended; nothing is there when it wrote nothing."""
    return f"{_folder(tenant_id, job_id, number, attempt)}whole"


def piece_key(tenant_id: str, job_id: str, number: int, attempt: int, start: int) -> str:
    """Where the part of the log that begins after `start` bytes is while the attempt runs."""
    return f"{_folder(tenant_id, job_id, number, attempt)}{start:012d}"


@dataclass(frozen=True, slots=True)
class LogPart:
    """`next_offset` is where to go on; `complete` says that nothing can follow it."""

    text: bytes
    next_offset: int
    complete: bool


class LogWriter:
    """Takes output from one thread and writes what is due when told by another. Keeps at most `limit` bytes."""

    def __init__(self, objects: Objects, tenant_id: str, job_id: str, number: int, attempt: int, *, limit: int) -> None:
        self._objects = objects
        self._folder = _folder(tenant_id, job_id, number, attempt)
        self._limit = limit
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._written = 0
        self._pieces = 0
        self._dropped = 0
        self._due = 0.0

    @property
    def kept(self) -> int:
        return self._written + len(self._pending)

    def add(self, output: bytes) -> None:
        with self._lock:
            room = max(0, self._limit - self.kept)
            self._pending += output[:room]
            self._dropped += max(0, len(output) - room)
            if len(self._pending) >= PIECE:
                self._write()

    def write_due(self, monotonic: float) -> None:
        """Write what waits, the less often the longer the log is written."""
        with self._lock:
            if self._pending and monotonic >= self._due:
                self._write()
                self._due = monotonic + min(LONGEST_PAUSE, FIRST_PAUSE * (1 + self._pieces / 20))

    def close(self) -> None:
        """Write the rest, say how much was left out, and make one object of the pieces."""
        with self._lock:
            if self._dropped:
                mark = f"\n[millrace] the log was cut here: {self._dropped:,} more bytes were left out "
                self._pending += f"{mark}(limit {self._limit:,})\n".encode()
            if not self._pieces and not self._pending:
                return
            if self._pieces:
                pieces = _pieces(self._objects, self._folder)
                earlier = b"".join(self._objects.get(each.key) for each in pieces)
                self._objects.put(f"{self._folder}whole", earlier + bytes(self._pending), replace=True)
                for each in pieces:
                    self._objects.delete(each.key)
            else:
                self._objects.put(f"{self._folder}whole", bytes(self._pending), replace=True)
            self._pending.clear()

    def _write(self) -> None:
        self._objects.put(f"{self._folder}{self._written:012d}", bytes(self._pending), replace=True)
        self._written += len(self._pending)
        self._pieces += 1
        self._pending.clear()


def keep_log(objects: Objects, tenant_id: str, job_id: str, *, number: int, attempt: int, told: bytes) -> int:
    """Make one object of the pieces that a worker sent, or of what it `told` at its end if it sent none; the size."""
    folder = _folder(tenant_id, job_id, number, attempt)
    pieces = _pieces(objects, folder)
    whole = _from_pieces(objects, pieces, 0) if pieces else told
    if whole:
        objects.put(f"{folder}whole", whole, replace=True)
    for each in pieces:
        objects.delete(each.key)
    return len(whole)


def make_whole(objects: Objects, tenant_id: str, job_id: str, number: int, attempt: int) -> None:
    """Of an ended attempt whose writer never came to it."""
    if not _has_whole(objects, _folder(tenant_id, job_id, number, attempt)):
        keep_log(objects, tenant_id, job_id, number=number, attempt=attempt, told=b"")


def _has_whole(objects: Objects, folder: str) -> bool:
    try:
        objects.info(f"{folder}whole")
    except NotFound:
        return False
    return True


def read_log(
    objects: Objects, tenant_id: str, job_id: str, number: int, attempt: int, *, offset: int, limit: int | None
) -> tuple[bytes, bool]:
    """Bytes from `offset` on, and whether they reach the end of what is there now."""
    folder = _folder(tenant_id, job_id, number, attempt)
    try:
        return _cut(b"".join(objects.read(f"{folder}whole", start=offset)), limit)
    except NotFound:
        pass
    try:
        return _cut(_from_pieces(objects, _pieces(objects, folder), offset), limit)
    except NotFound:
        # The pieces became one object between our two looks.
        return _cut(b"".join(objects.read(f"{folder}whole", start=offset)), limit)


def _from_pieces(objects: Objects, pieces: Sequence[ObjectInfo], offset: int) -> bytes:
    found = bytearray()
    for each in pieces:
        start = int(each.key.rsplit("/", 1)[1])
        if start + each.size > offset:
            found += objects.get(each.key)[max(0, offset - start) :]
    return bytes(found)


def _pieces(objects: Objects, folder: str) -> list[ObjectInfo]:
    found: list[ObjectInfo] = []
    while page := objects.list(folder, after=found[-1].key if found else ""):
        found += page
    return [each for each in found if not each.key.endswith("/whole")]


def _cut(text: bytes, limit: int | None) -> tuple[bytes, bool]:
    if limit is None or len(text) <= limit:
        return text, True
    return text[:limit], False
