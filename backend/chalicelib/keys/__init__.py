"""Port: secrets that the service itself holds, by name: what signs, what seals.

A key is made once, by whoever first asks, and is the same for every process of the home from then on. Names are
letters, digits, dots and hyphens.
"""

from collections.abc import Callable
from typing import Protocol


class Keys(Protocol):
    def read_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The key; the first of several that find none makes it, the others get that one. At most 4,000 bytes."""
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Put another in place of the one that is there; it is durable on return."""
        ...

    def mark(self, name: str) -> object:
        """Equal to that of before unless the key was replaced meanwhile (on AWS: not in the last seconds)."""
        ...
