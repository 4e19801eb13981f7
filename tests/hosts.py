"""A server that keeps comments as GitHub and GitLab do, over HTTP, and misbehaves as it is told."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.vcs import Place

LISTS = (
    r"/repos/(?P<place>.+/issues/\d+)/comments",
    r"/projects/(?P<place>.+/(?:merge_requests|issues)/\d+)/notes",
)
ONE = (r"/repos/.+/issues/comments/(?P<id>\d+)", r"/projects/.+/notes/(?P<id>\d+)")


@dataclass
class Host:
    """`sick` says what the next calls get (a status, or `cut` after it was done); `calls` is what came."""

    url: str = ""
    sick: list[Any] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    comments: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        return [each["body"] for each in self.comments.values()]

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host: Host

    def do_GET(self):
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        size = int(self.headers.get("Content-Length") or 0)
        data = json.loads(self.rfile.read(size)) if size else None
        self.host.calls.append((self.command, path))
        self.host.tokens.append(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or "")
        sickness = self.host.sick.pop(0) if self.host.sick else None
        if isinstance(sickness, int):
            self.answer(sickness, {"message": "sick"})
            return
        status, answer = self.act(path, query, data)
        if sickness == "cut":
            self.close_connection = True
            return
        self.answer(status, answer)

    def do_POST(self):
        self.do_GET()

    def do_PATCH(self):
        self.do_GET()

    def do_PUT(self):
        self.do_GET()

    def act(self, path, query, data):
        if found := match(LISTS, path):
            return self.make(found["place"], data) if data else (200, page(self.host, found["place"], query))
        found = match(ONE, path)
        if not found or found["id"] not in self.host.comments:
            return 404, {"message": "Not Found"}
        self.host.comments[found["id"]]["body"] = data["body"]
        return 200, self.host.comments[found["id"]]

    def make(self, place, data):
        comment_id = str(len(self.host.comments) + 1)
        self.host.comments[comment_id] = {"id": int(comment_id), "body": data["body"], "place": place}
        return 201, self.host.comments[comment_id]

    def answer(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def comment_host() -> Iterator[Host]:
    host = Host()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def match(patterns, path):
    return next((found for each in patterns if (found := re.fullmatch(each, path))), None)


def page(host, place, query):
    first = (int(query["page"][0]) - 1) * int(query["per_page"][0])
    found = [each for each in host.comments.values() if each["place"] == place]
    return found[first : first + int(query["per_page"][0])]


class MemoryHost:
    """A host without a network; `sick` raises what the next calls get, before or (`after`) once they were done."""

    def __init__(self) -> None:
        self.comments: dict[str, str] = {}
        self.calls: list[str] = []
        self.tokens: list[str] = []
        self.sick: list[BaseException | None] = []
        self.after = False
        self.meanwhile: Callable[[], object] | None = None
        """What somebody else does during the next call."""

    def find(self, place: Place, marker: str, token: str) -> str:
        def act() -> str:
            return next((each for each, text in self.comments.items() if marker in text), "")

        return self._do("find", token, act)

    def create(self, place: Place, text: str, token: str) -> str:
        def act() -> str:
            comment_id = f"c{len(self.comments) + 1}"
            self.comments[comment_id] = text
            return comment_id

        return self._do("create", token, act)

    def edit(self, place: Place, comment_id: str, text: str, token: str) -> None:
        self._do("edit", token, lambda: self.comments.update({comment_id: text}))

    def _do(self, call: str, token: str, act: Callable[[], Any]) -> Any:
        self.calls.append(call)
        self.tokens.append(token)
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            meanwhile()
        sickness = self.sick.pop(0) if self.sick else None
        if sickness and not self.after:
            raise sickness
        done = act()
        if sickness:
            raise sickness
        return done
