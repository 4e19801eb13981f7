"""A cheap load generator in a process of its own: raw sockets, one thread, prebuilt requests.

Reads one JSON document from standard input: `host`, `port`, `connections`, `seconds`, `requests` (each the text of one
HTTP request; connections take turns through them). Prints one: `count`, `errors`, `seconds`, `p50` and `p99` in ms.
"""

import json
import re
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
OK = re.compile(rb"HTTP/1.1 2\d\d")


@dataclass(slots=True)
class Connection:
    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    wanted: int = 0
    """Bytes of the whole answer; 0 while its head is not read."""

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.wanted = 0
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """True when the answer is complete. Raises ConnectionError when the server hangs up."""
        piece = self.socket.recv(262_144)
        if not piece:
            raise ConnectionError("The server hung up")
        self.received += piece
        if not self.wanted and (end := self.received.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self.received, 0, end)
            self.wanted = end + 4 + (int(length[1]) if length else 0)
        return 0 < self.wanted <= len(self.received)


def generate(host: str, port: int, connections: int, seconds: float, requests: list[str]) -> dict[str, float]:
    texts = cycle([text.encode() for text in requests])
    poll = select.epoll()
    everyone = {}
    for _ in range(connections):
        connection = Connection(socket.create_connection((host, port)))
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(connection.socket, select.EPOLLIN)
        everyone[connection.socket.fileno()] = connection
    took: list[float] = []
    errors = 0
    begun = time.perf_counter()
    until = begun + seconds
    for connection in everyone.values():
        connection.send(next(texts))
    waiting = connections
    while waiting:
        for descriptor, _ in poll.poll(10):
            connection = everyone[descriptor]
            if not connection.receive():
                continue
            now = time.perf_counter()
            took.append(now - connection.sent_at)
            errors += not OK.match(connection.received)
            if now < until:
                connection.send(next(texts))
            else:
                waiting -= 1
    return summary(took, errors, time.perf_counter() - begun)


def summary(took: list[float], errors: int, seconds: float) -> dict[str, float]:
    took.sort()
    return {
        "count": len(took),
        "errors": errors,
        "seconds": seconds,
        "p50": took[len(took) // 2] * 1000,
        "p99": took[min(len(took) - 1, len(took) * 99 // 100)] * 1000,
    }


if __name__ == "__main__":
    json.dump(generate(**json.load(sys.stdin)), sys.stdout)
