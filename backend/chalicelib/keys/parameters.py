"""Keys as encrypted parameters of AWS Systems Manager, which cost nothing while they are few and small."""

import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable

from chalicelib.aws import Client, Refused, call

LOOK_AGAIN = 10.0
"""Seconds after which it is asked whether a key was replaced. Tokens of a younger key are not known until then."""


class ParameterKeys:
    """`path` is what their names stand under, as `/millrace/prod/keys`."""

    def __init__(self, client: Client, path: str) -> None:
        self._client = client
        self._path = path.rstrip("/")
        self._lock = threading.Lock()
        self._marks: dict[str, tuple[float, object]] = {}

    def read_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        found = self._read(name)
        if found is None:
            self._publish(name, make())
            found = self._read(name)
        assert found is not None  # noqa: S101 - it is there, whoever made it
        return found

    def replace(self, name: str, content: bytes) -> None:
        call(self._client.put_parameter, **self._named(name), **_holding(content), Overwrite=True)
        with self._lock:
            self._marks.pop(name, None)

    def mark(self, name: str) -> object:
        now = time.monotonic()
        with self._lock:
            looked_at, mark = self._marks.get(name, (-LOOK_AGAIN, None))
        if now - looked_at >= LOOK_AGAIN:
            mark = call(self._client.get_parameter, **self._named(name))["Parameter"]["Version"]
            with self._lock:
                self._marks[name] = (now, mark)
        return mark

    def _read(self, name: str) -> bytes | None:
        try:
            found = call(self._client.get_parameter, **self._named(name), WithDecryption=True)["Parameter"]
        except Refused as refused:
            if refused.code != "ParameterNotFound":
                raise
            return None
        return b64decode(found["Value"])

    def _publish(self, name: str, content: bytes) -> None:
        try:
            call(self._client.put_parameter, **self._named(name), **_holding(content), Overwrite=False)
        except Refused as refused:
            if refused.code != "ParameterAlreadyExists":
                raise

    def _named(self, name: str) -> dict[str, str]:
        return {"Name": f"{self._path}/{name}"}


def _holding(content: bytes) -> dict[str, str]:
    return {"Value": b64encode(content).decode(), "Type": "SecureString", "Tier": "Standard"}
