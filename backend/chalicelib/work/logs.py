"""The log of an attempt: sent in pieces while it grows, and its end kept for the result."""

import threading
from collections import deque
from typing import Any

from chalicelib.shells.masking import Masker
from chalicelib.work import links

LARGEST_TOLD = 200_000
"""Bytes of log in a result: its end, where the reasons of failures are."""
PAUSE = 2.0
"""Seconds between two sendings."""


class Log:
    """Takes output from one thread; another sends it. What cannot be sent is not missed: the result has the end."""

    def __init__(self, wanted: dict[str, Any], masker: Masker) -> None:
        self._piece = int(wanted["piece"])
        self._limit = int(wanted["limit"])
        self._links: list[str] = wanted["links"]
        self._masker = masker
        self._lock = threading.Lock()
        self._kept = bytearray()
        self._sent = 0
        self._dropped = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._size = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._send_on, name="log", daemon=True)
        self._thread.start()

    def add(self, output: bytes) -> None:
        self._write(self._masker.feed(output))

    def say(self, line: str) -> None:
        """A line of ours."""
        self._write(self._masker.flush() + f"[millrace] {line}\n".encode())

    def close(self) -> str:
        """Send the rest; the end of the log as text, with a mark where it was cut."""
        self._write(self._masker.flush())
        if self._dropped:
            mark = f"\n[millrace] the log was cut here: {self._dropped:,} more bytes were left out "
            self._kept += f"{mark}(limit {self._limit:,})\n".encode()
        self._done.set()
        self._thread.join()
        self._send()
        told = b"".join(self._tail)[-LARGEST_TOLD:]
        left_out = self._size - len(told)
        mark = f"[millrace] the first {left_out:,} bytes of the log were left out here\n" if left_out else ""
        return mark + told.decode(errors="replace")

    def _write(self, output: bytes) -> None:
        if not output:
            return
        with self._lock:
            self._size += len(output)
            room = max(0, self._limit - len(self._kept))
            self._kept += output[:room]
            self._dropped += max(0, len(output) - room)
            self._tail.append(output)
            self._tail_size += len(output)
            while self._tail_size - len(self._tail[0]) > LARGEST_TOLD:
                self._tail_size -= len(self._tail.popleft())

    def _send_on(self) -> None:
        while not self._done.wait(PAUSE):
            self._send()

    def _send(self) -> None:
        """Every piece that has grown since it was sent, whole: an object replaces the one before."""
        with self._lock:
            kept = bytes(self._kept)
        while self._sent < len(kept):
            index = self._sent // self._piece
            if index >= len(self._links):
                return
            piece = kept[index * self._piece : (index + 1) * self._piece]
            try:
                links.put(self._links[index], piece, pauses=(0.5, 1.0))
            except links.NotReached:
                return
            self._sent = index * self._piece + len(piece)
