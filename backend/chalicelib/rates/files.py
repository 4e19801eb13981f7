"""Buckets that all web processes of a machine share: files of eight bytes under a lock.

That costs some microseconds, where a document would cost a write to the store for every read of it.
"""

import fcntl
import os
import struct
from pathlib import Path

from chalicelib.clock import Clock
from chalicelib.rates import Rate
from chalicelib.rates.filling import check_name, microseconds, taken

_BUCKET = struct.Struct("q")


class FileRates:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def take(self, name: str, limit: int) -> Rate:
        check_name(name)
        now = microseconds(self._clock.now())
        bucket = self._open(name)
        try:
            fcntl.flock(bucket, fcntl.LOCK_EX)
            full_at, rate = taken(_read(bucket), limit, now)
            os.pwrite(bucket, _BUCKET.pack(full_at), 0)
        finally:
            os.close(bucket)
        return rate

    def _open(self, name: str) -> int:
        path = self._folder / f"{name}.full"
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _read(bucket: int) -> int:
    found = os.pread(bucket, _BUCKET.size, 0)
    return int(_BUCKET.unpack(found)[0]) if len(found) == _BUCKET.size else 0
