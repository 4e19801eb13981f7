"""Keys that sign access tokens. Tokens name their key, so that a new one can be added while old tokens live."""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from chalicelib.keys import Keys

ALGORITHM = "HS256"
KEY = "tokens.json"
KEPT = 3
"""Keys in the ring: the one that signs, and the last ones before it, whose tokens still live."""


@dataclass(frozen=True, slots=True)
class _Ring:
    current: str
    keys: Mapping[str, bytes]
    mark: object


class SigningKeys:
    """The ring is `{"current": id, "keys": {id: base64}}`, made on first use. All keys verify, `current` signs.

    Rotation reaches processes that run already: they look whether the ring is still the one that they read.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._ring = _read(keys)
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
        if self._keys.mark(KEY) != self._ring.mark:
            self._ring = _read(self._keys)
            self._claims.cache_clear()
        return self._ring


def rotate(keys: Keys) -> str:
    """Sign with a new key from now on; tokens of the last keys go on to be read. The new key's id."""
    content = json.loads(keys.read_or_make(KEY, _first_key))
    kid, key = _new_key()
    kept = dict(list(content["keys"].items())[-(KEPT - 1) :])
    keys.replace(KEY, json.dumps({"current": kid, "keys": {**kept, kid: key}}).encode())
    return kid


def _read(keys: Keys) -> _Ring:
    keys.read_or_make(KEY, _first_key)
    # The mark is that of before the reading, so that a replacement in between is seen later.
    mark = keys.mark(KEY)
    content = json.loads(keys.read_or_make(KEY, _first_key))
    known = {kid: b64decode(key) for kid, key in content["keys"].items()}
    return _Ring(content["current"], known, mark)


def _first_key() -> bytes:
    kid, key = _new_key()
    return json.dumps({"current": kid, "keys": {kid: key}}).encode()


def _new_key() -> tuple[str, str]:
    return secrets.token_hex(4), b64encode(secrets.token_bytes(32)).decode()
