"""What a caller can do with seed data. That of another tenant is NotFound."""

from typing import BinaryIO

from chalicelib.accounts.model import Caller
from chalicelib.generation.seeds.model import Record, SeedData, SeedFormat, SeedPage, Upload
from chalicelib.generation.templates.model import Variables
from chalicelib.wiring import Ports


def upload(
    ports: Ports,
    caller: Caller,
    content: bytes | BinaryIO,
    *,
    name: str,
    format: SeedFormat | None = None,
    seed_data_id: str | None = None,
) -> SeedData:
    """Read, check and keep a file that came whole. The format is found by looking when none is given.

    Raises Invalid with the first faults; nothing is kept then.
    """
    raise NotImplementedError


def begin_upload(
    ports: Ports, caller: Caller, *, name: str, format: SeedFormat, seed_data_id: str | None = None
) -> Upload:
    """For files too large for a request: PUT the bytes to the link, then `complete`."""
    raise NotImplementedError


def complete(ports: Ports, caller: Caller, seed_data_id: str) -> SeedData:
    """Read and check the file that was put to the link. Its status is then READY or FAULTY."""
    raise NotImplementedError


def generate(
    ports: Ports,
    caller: Caller,
    template_id: str,
    *,
    count: int,
    name: str = "",
    version: int | None = None,
    seed: int = 0,
    seed_data_id: str | None = None,
) -> SeedData:
    """Made-up records that have all variables of a template."""
    raise NotImplementedError


def get_seed_data(ports: Ports, caller: Caller, seed_data_id: str) -> SeedData:
    raise NotImplementedError


def list_seed_data(
    ports: Ports, caller: Caller, *, text: str = "", limit: int = 50, cursor: str | None = None
) -> SeedPage:
    raise NotImplementedError


def first_records(ports: Ports, caller: Caller, seed_data_id: str, *, count: int = 20, skip: int = 0) -> list[Record]:
    raise NotImplementedError


def missing(variables: Variables, seed_data: SeedData) -> list[str]:
    """Required variables that no field of the seed data gives; a field `author` gives all `author.*`."""
    raise NotImplementedError


def delete(ports: Ports, caller: Caller, seed_data_id: str) -> None:
    raise NotImplementedError
