"""Port: what submitters keep elsewhere and orders name: parameters, secrets, code.

Every method raises Invalid for what is not there, or not given to Millrace; never with a value in its words.
"""

from collections.abc import Iterator, Mapping
from typing import NoReturn, Protocol

from chalicelib.errors import Invalid


class Sources(Protocol):
    def parameters(self, path: str) -> Mapping[str, str]:
        """Decrypted values by full name: that of the parameter, or of all below a path that ends with a slash."""
        ...

    def secret(self, name: str) -> str:
        """The text of a secret."""
        ...

    def files(self, location: str) -> Iterator[tuple[str, bytes]]:
        """Objects at `s3://bucket/key`, or below it where it ends with a slash: their names beyond it, and bytes."""
        ...


class NoSources:
    """A home without any."""

    def parameters(self, path: str) -> Mapping[str, str]:
        _refuse(path)

    def secret(self, name: str) -> str:
        _refuse(name)

    def files(self, location: str) -> Iterator[tuple[str, bytes]]:
        _refuse(location)


def _refuse(what: str) -> NoReturn:
    raise Invalid(f"{what} cannot be read: this home knows no such store.")
