"""The home's signed links: objects streamed in and out without signing in, beside Chalice, which cannot stream."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import quote

import orjson

from chalicelib import accesslog
from chalicelib.errors import Invalid, MillraceError, TooLarge
from chalicelib.objects import Objects
from chalicelib.problems import MethodNotAllowed, problem, problem_headers
from chalicelib.wiring import Ports

PREFIX = "/files/"
Start = Callable[[int, list[tuple[str, str]]], None]

_RANGE = re.compile(r"bytes=(\d{1,15})-")
_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "private, no-store"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
]


class Linked(Objects, Protocol):
    def open_link(self, token: str, method: str) -> tuple[str, str, int]:
        """Key, name of a download and most bytes of an upload. Raises NotFound for a wrong or expired link."""
        ...


class NoSuchRange(Invalid):
    status = 416
    type = "no-such-range"
    title = "The file is shorter than that"


class Files:
    """The WSGI application of what is under PREFIX."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        begun = time.perf_counter()
        request_id = self._ports.clock.new_id()
        told: list[int] = []

        def start(status: int, headers: list[tuple[str, str]]) -> None:
            told.append(status)
            line = f"{status} {HTTPStatus(status).phrase}"
            start_response(line, [*headers, *_HEADERS, ("X-Request-Id", request_id)])

        try:
            pieces = _serve(cast("Linked", self._ports.objects), environ, start)
        except MillraceError as error:
            body = orjson.dumps(problem(error, request_id))
            start(error.status, [("Content-Length", str(len(body))), *problem_headers(error).items()])
            pieces = [body]
        # The link itself is as good as a password, and stays out of the log.
        line = accesslog.Line(request_id, environ["REQUEST_METHOD"], PREFIX, told[0], time.perf_counter() - begun)
        accesslog.write(self._ports.clock, line)
        return pieces


def _serve(objects: Linked, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    method = environ["REQUEST_METHOD"]
    token = environ["PATH_INFO"].removeprefix(PREFIX)
    if method in ("GET", "HEAD"):
        key, filename, _ = objects.open_link(token, "GET")
        return _download(objects, key, filename, environ, start)
    if method == "PUT":
        key, _, most = objects.open_link(token, "PUT")
        objects.put(key, cast("BinaryIO", _Upload(environ, most)))
        start(200, [("Content-Length", "0")])
        return [b""]
    raise MethodNotAllowed(method, ["GET", "HEAD", "PUT"])


def _download(objects: Objects, key: str, filename: str, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    size = objects.info(key).size
    skip = _skip(environ.get("HTTP_RANGE", ""), size)
    content = objects.read(key, start=skip)
    headers = [
        ("Content-Type", "application/octet-stream"),
        ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(filename, safe='')}"),
        ("Content-Length", str(size - skip)),
        ("Accept-Ranges", "bytes"),
    ]
    if skip:
        headers.append(("Content-Range", f"bytes {skip}-{size - 1}/{size}"))
    start(206 if skip else 200, headers)
    return [b""] if environ["REQUEST_METHOD"] == "HEAD" else _Pieces(content)


def _skip(wanted: str, size: int) -> int:
    """Where a download goes on; other ranges than `bytes=N-` are answered with the whole, as HTTP allows."""
    match = _RANGE.fullmatch(wanted)
    if match is None:
        return 0
    if int(match[1]) >= size:
        raise NoSuchRange(f"The file has {size} bytes.")
    return int(match[1])


class _Upload:
    """The body of a request, which must be as long as it was said to be: a broken one would be kept for good.

    More than `most` bytes are refused before the first is read, and more than was said are never read.
    """

    def __init__(self, environ: dict[str, Any], most: int) -> None:
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdigit():
            raise Invalid("An upload must say its length (Content-Length).")
        if int(length) > most:
            raise TooLarge(f"The link takes {most:,} bytes; the upload has {int(length):,}.")
        self._body = environ["wsgi.input"]
        self._left = int(length)

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self._body.read(self._left if size < 0 else min(size, self._left))
        if not piece and self._left:
            raise Invalid(f"The upload broke off {self._left} bytes before its end.")
        self._left -= len(piece)
        return piece


class _Pieces:
    """Iterates, and can be closed by the server when the client goes away."""

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        return self._content

    def close(self) -> None:
        close = getattr(self._content, "close", None)
        if close:
            close()
