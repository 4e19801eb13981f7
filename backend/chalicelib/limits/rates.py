"""How many requests a tenant may send: a bucket of as many tokens as it may send in a minute, filled evenly.

All web processes of a machine share the bucket, which is a file of sixteen bytes under a lock: that costs some
microseconds, where a document would cost a write to the store for every read of it.
"""

import fcntl
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from chalicelib.accounts.model import Caller
from chalicelib.wiring import Ports

WINDOW = 60
_BUCKET = struct.Struct("dd")
"""Tokens, and when they were counted (seconds of the epoch)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`remaining` requests may follow at once; `reset` is seconds until all may; `retry_after` 0 unless refused."""

    limit: int
    remaining: int
    reset: int
    retry_after: int = 0

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them."""
        return {
            "RateLimit-Policy": f'"tenant";q={self.limit};w={WINDOW}',
            "RateLimit": f'"tenant";r={self.remaining};t={self.reset}',
        }


def take(ports: Ports, caller: Caller) -> Rate | None:
    """One request more of the caller's tenant; None when it has no limit."""
    limit = caller.request_rate
    if limit is None:
        return None
    now = ports.clock.now().timestamp()
    bucket = _open(ports.settings.data / "rates", caller.tenant_id)
    try:
        fcntl.flock(bucket, fcntl.LOCK_EX)
        tokens, rate = taken(_read(bucket, limit), limit, now)
        os.pwrite(bucket, _BUCKET.pack(tokens, now), 0)
    finally:
        os.close(bucket)
    return rate


def taken(before: tuple[float, float], limit: int, now: float) -> tuple[float, Rate]:
    """The tokens that are left, and what the caller is told."""
    tokens, counted_at = before
    speed = limit / WINDOW
    tokens = min(float(limit), tokens + max(0.0, now - counted_at) * speed)
    retry_after = 0 if tokens >= 1 else max(1, math.ceil((1 - tokens) / speed))
    if not retry_after:
        tokens -= 1
    return tokens, Rate(limit, int(tokens), math.ceil((limit - tokens) / speed), retry_after)


def _open(folder: Path, tenant_id: str) -> int:
    path = folder / tenant_id
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _read(bucket: int, limit: int) -> tuple[float, float]:
    found = os.pread(bucket, _BUCKET.size, 0)
    if len(found) < _BUCKET.size:
        return float(limit), 0.0
    tokens, counted_at = _BUCKET.unpack(found)
    return tokens, counted_at
