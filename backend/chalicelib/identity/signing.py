"""Keys that sign access tokens. Tokens name their key, so that a new one can be added while old tokens live."""

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt

from chalicelib.keyfile import read_or_make

ALGORITHM = "HS256"


class SigningKeys:
    """`file` holds `{"current": id, "keys": {id: base64}}`, made on first use. All keys verify, `current` signs."""

    def __init__(self, file: Path) -> None:
        content = json.loads(read_or_make(file, _first_key))
        self._current: str = content["current"]
        self._keys = {kid: b64decode(key) for kid, key in content["keys"].items()}

    def sign(self, claims: Mapping[str, Any]) -> str:
        key = self._keys[self._current]
        return jwt.encode(dict(claims), key, algorithm=ALGORITHM, headers={"kid": self._current})

    def read(self, token: str) -> dict[str, Any]:
        """The claims, whether or not they have expired. Raises jwt.InvalidTokenError."""
        key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
        if key is None:
            raise jwt.InvalidTokenError
        return jwt.decode(
            token, key, algorithms=[ALGORITHM], options={"require": ["sub", "email", "exp"], "verify_exp": False}
        )


def _first_key() -> bytes:
    kid = secrets.token_hex(4)
    return json.dumps({"current": kid, "keys": {kid: b64encode(secrets.token_bytes(32)).decode()}}).encode()
