"""Keys that sign access tokens. Tokens name their key, so that a new one can be added while old tokens live."""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt

from chalicelib.keyfile import read_or_make, replace

ALGORITHM = "HS256"
KEPT = 3
"""Keys in the file: the one that signs, and the last ones before it, whose tokens still live."""


@dataclass(frozen=True, slots=True)
class _Ring:
    current: str
    keys: Mapping[str, bytes]
    written: int


class SigningKeys:
    """`file` holds `{"current": id, "keys": {id: base64}}`, made on first use. All keys verify, `current` signs.

    Rotation reaches processes that run already: they look whether the file is still the one that they read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ring = _read(file)
        self._claims = lru_cache(maxsize=4096)(self._verified)

    def sign(self, claims: Mapping[str, Any]) -> str:
        ring = self._fresh()
        return jwt.encode(dict(claims), ring.keys[ring.current], algorithm=ALGORITHM, headers={"kid": ring.current})

    def read(self, token: str) -> dict[str, Any]:
        """The claims, whether or not they have expired. Raises jwt.InvalidTokenError."""
        return self._claims(token)

    def _verified(self, token: str) -> dict[str, Any]:
        kid = jwt.get_unverified_header(token).get("kid", "")
        key = self._ring.keys.get(kid) or self._fresh().keys.get(kid)
        if key is None:
            raise jwt.InvalidTokenError
        required = ["sub", "email", "sid", "exp"]
        return jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": required, "verify_exp": False})

    def _fresh(self) -> _Ring:
        if self._file.stat().st_mtime_ns != self._ring.written:
            self._ring = _read(self._file)
            self._claims.cache_clear()
        return self._ring


def rotate(file: Path) -> str:
    """Sign with a new key from now on; tokens of the last keys go on to be read. The new key's id."""
    content = json.loads(read_or_make(file, _first_key))
    kid, key = _new_key()
    kept = dict(list(content["keys"].items())[-(KEPT - 1) :])
    replace(file, json.dumps({"current": kid, "keys": {**kept, kid: key}}).encode())
    return kid


def _read(file: Path) -> _Ring:
    content = json.loads(read_or_make(file, _first_key))
    keys = {kid: b64decode(key) for kid, key in content["keys"].items()}
    return _Ring(content["current"], keys, file.stat().st_mtime_ns)


def _first_key() -> bytes:
    kid, key = _new_key()
    return json.dumps({"current": kid, "keys": {kid: key}}).encode()


def _new_key() -> tuple[str, str]:
    return secrets.token_hex(4), b64encode(secrets.token_bytes(32)).decode()
