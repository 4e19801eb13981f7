"""Values at rest that nobody reads in the data: sealed with age (X25519), the key kept apart from the documents."""

import base64

from pyrage import decrypt, encrypt  # type: ignore[attr-defined]  # compiled, and comes without stubs
from pyrage.x25519 import Identity

from chalicelib.keys import Keys

KEY = "vault.age"


class Vault:
    """Its key is made on first use."""

    def __init__(self, keys: Keys) -> None:
        self._identity = Identity.from_str(keys.read_or_make(KEY, _new_key).decode())
        self._recipient = self._identity.to_public()

    def seal(self, text: str) -> str:
        """ASCII text that only `open` of the same key turns back; different each time."""
        return base64.b64encode(encrypt(text.encode(), [self._recipient])).decode()

    def open(self, sealed: str) -> str:
        text: bytes = decrypt(base64.b64decode(sealed), [self._identity])
        return text.decode()


def _new_key() -> bytes:
    return str(Identity.generate()).encode()
