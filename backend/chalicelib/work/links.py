"""HTTP by signed links, tried again for a while: nothing else leads back to Millrace."""

import http.client
import logging
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds between two tries."""
PATIENCE = 60.0
TAKEN = frozenset({409, 412})
"""There is an object, and it may be put once."""
_HASTY = frozenset({408, 429})
_SERVER_FAULT = 500
_PIECE = 1 << 20
_BYTES = "application/octet-stream"


class NotReached(Exception):
    """It was tried often enough; the text has no link in it."""


class AlreadyThere(Exception):
    """Somebody put the object before us."""


def fetch(link: str) -> bytes:
    with _open(urllib.request.Request(link)) as answer:  # noqa: S310 - links are Millrace's own
        content: bytes = answer.read()
    return content


def fetch_file(link: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open(urllib.request.Request(link)) as answer, path.open("wb") as file:  # noqa: S310 - as above
        while piece := answer.read(_PIECE):
            file.write(piece)


def put(link: str, content: bytes, *, once: bool = False, pauses: tuple[float, ...] = PAUSES) -> None:
    """Raises AlreadyThere when it may be put once and was."""
    headers = {"Content-Type": _BYTES, **({"If-None-Match": "*"} if once else {})}
    _open(urllib.request.Request(link, data=content, headers=headers, method="PUT"), pauses).close()  # noqa: S310 - as above


def put_file(link: str, file: BinaryIO, size: int) -> None:
    for pause in (*PAUSES, None):
        file.seek(0)
        headers = {"Content-Type": _BYTES, "Content-Length": str(size)}
        request = urllib.request.Request(link, data=file, headers=headers, method="PUT")  # noqa: S310 - as above
        try:
            _open(request, ()).close()
        except NotReached:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def is_there(link: str) -> bool:
    """One try: what cannot be seen is not there."""
    try:
        with urllib.request.urlopen(link, timeout=5) as answer:  # noqa: S310 - as above
            return bool(answer.status == http.client.OK)
    except (OSError, http.client.HTTPException):
        return False


def _open(request: urllib.request.Request, pauses: tuple[float, ...] = PAUSES) -> http.client.HTTPResponse:
    for pause in (*pauses, None):
        try:
            answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310 - as above
        except urllib.error.HTTPError as refused:
            why = f"HTTP {refused.code}"
            refused.close()
            if refused.code in TAKEN and request.has_header("If-none-match"):
                raise AlreadyThere from None
            if refused.code < _SERVER_FAULT and refused.code not in _HASTY:
                raise NotReached(f"{request.get_method()} was refused: {why}") from None
        except (OSError, http.client.HTTPException) as error:
            why = str(getattr(error, "reason", "")) or type(error).__name__
        else:
            return answer
        if pause is None:
            break
        log.warning("%s failed (%s); again in %s s", request.get_method(), why, pause)
        time.sleep(pause)
    raise NotReached(f"{request.get_method()} failed: {why}")
