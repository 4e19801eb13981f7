"""The home's signed links: objects streamed in and out without signing in, beside Chalice, which cannot stream."""

import re
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

import orjson

from chalicelib.clock import Clock
from chalicelib.errors import Invalid, MillraceError
from chalicelib.objects import Objects
from chalicelib.problems import PROBLEM, MethodNotAllowed, problem

PREFIX = "/files/"
_RANGE = re.compile(r"bytes=(\d{1,15})-")
_HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "private, no-store"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
]


class Linked(Objects, Protocol):
    def open_link(self, token: str, method: str) -> tuple[str, str]:
        """The key and file name that a link stands for. Raises NotFound for a wrong or expired one."""
        ...


class Files:
    """`connect` is asked at the first request."""

    def __init__(self, connect: Callable[[], tuple[Linked, Clock]]) -> None:
        self._connect = connect

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        objects, clock = self._connect()
        try:
            return self._serve(objects, environ, start_response)
        except MillraceError as error:
            body = orjson.dumps(problem(error, clock.new_id()))
            headers = [("Content-Type", PROBLEM), ("Content-Length", str(len(body))), *_HEADERS]
            start_response(_status(error.status), headers)
            return [body]

    def _serve(
        self, objects: Linked, environ: dict[str, Any], start_response: Callable[..., object]
    ) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        token = environ["PATH_INFO"].removeprefix(PREFIX)
        if method in ("GET", "HEAD"):
            return _download(objects, *objects.open_link(token, "GET"), environ, start_response)
        if method == "PUT":
            key, _ = objects.open_link(token, "PUT")
            objects.put(key, environ["wsgi.input"])
            start_response(_status(200), [("Content-Length", "0"), *_HEADERS])
            return [b""]
        raise MethodNotAllowed(method, ["GET", "HEAD", "PUT"])


def _download(
    objects: Objects, key: str, filename: str, environ: dict[str, Any], start_response: Callable[..., object]
) -> Iterable[bytes]:
    size = objects.info(key).size
    start = _start(environ.get("HTTP_RANGE", ""), size)
    content = objects.read(key, start=start)
    headers = [
        ("Content-Type", "application/octet-stream"),
        ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(filename, safe='')}"),
        ("Content-Length", str(size - start)),
        ("Accept-Ranges", "bytes"),
        *_HEADERS,
    ]
    if start:
        headers.append(("Content-Range", f"bytes {start}-{size - 1}/{size}"))
    start_response(_status(206 if start else 200), headers)
    return [b""] if environ["REQUEST_METHOD"] == "HEAD" else _Pieces(content)


def _start(wanted: str, size: int) -> int:
    """Where a download goes on; other ranges than `bytes=N-` are answered with the whole, as HTTP allows."""
    match = _RANGE.fullmatch(wanted)
    if match is None:
        return 0
    if int(match[1]) >= size:
        raise _NoSuchRange(f"The file has {size} bytes.")
    return int(match[1])


class _NoSuchRange(Invalid):
    status = 416
    type = "no-such-range"
    title = "The file is shorter than that"


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


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"
