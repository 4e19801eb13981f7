"""Secret values taken out of a stream of output."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

MASK = b"***"
SHORTEST = 4
"""Values of fewer characters are not masked: they occur in any text, and the log would be unreadable."""


class Masker:
    """Replaces secret values by `***` in output that comes in pieces, wherever it is cut.

    Only what could be the beginning of a secret is held back until the next piece shows. The lines of a value are
    secrets too, since tools indent and prefix what they print. Where secrets overlap the longest is taken out.
    """

    def __init__(self, secrets: Iterable[str | bytes]) -> None:
        self._secrets = sorted({value for secret in secrets for value in _parts(secret)})
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._longest = len(longest_first[0]) if longest_first else 0
        self._whole = re.compile(b"|".join(map(re.escape, longest_first)))
        self._first = re.compile(b"|".join(re.escape(each) for each in {secret[:1] for secret in self._secrets}))
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        if not self._secrets:
            return piece
        text = self._held + piece
        done: list[bytes] = []
        at, hold = 0, self._unfinished(text, 0)
        for found in self._whole.finditer(text):
            if found.start() >= hold:
                break
            done += (text[at : found.start()], MASK)
            at = found.end()
            if hold < at:
                hold = self._unfinished(text, at)
        done.append(text[at:hold])
        self._held = text[hold:]
        return b"".join(done)

    def flush(self) -> bytes:
        """What was held back, at the end of the output."""
        held, self._held = self._held, b""
        return self._whole.sub(MASK, held) if held else b""

    def _unfinished(self, text: bytes, at: int) -> int:
        """Where the longest end of `text`, not before `at`, begins that more text could turn into a secret."""
        for found in self._first.finditer(text, max(at, len(text) - self._longest + 1)):
            end = text[found.start() :]
            # In sorted order the secrets that begin with `end` follow it at once; the first may be `end` itself.
            place = bisect_left(self._secrets, end)
            place += self._secrets[place : place + 1] == [end]
            if place < len(self._secrets) and self._secrets[place].startswith(end):
                return found.start()
        return len(text)


def _parts(secret: str | bytes) -> Iterator[bytes]:
    text = secret.decode(errors="surrogateescape") if isinstance(secret, bytes) else secret
    for part in (text, *(line.strip() for line in text.splitlines())):
        if len(part) >= SHORTEST:
            yield part.encode(errors="surrogateescape")
