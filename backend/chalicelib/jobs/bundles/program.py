"""The worker program as a zip, for machines that have nothing of Millrace."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path

import pyrage

from chalicelib.errors import NotFound
from chalicelib.jobs.bundles.archives import File, pack
from chalicelib.wiring import Ports

PACKAGES = ("work", "shells", "spawner")
_FRESH = timedelta(hours=12)
"""What lies there for a day is put there anew after half of it."""


def program_key(ports: Ports) -> str:
    """Where it lies, put there if need be."""
    content = _packed()
    key = f"tmp/exec/program-{sha256(content).hexdigest()[:16]}.zip"
    try:
        put_at = ports.objects.info(key).modified
    except NotFound:
        put_at = None
    if put_at is None or put_at + _FRESH < ports.clock.now():
        ports.objects.put(key, content, replace=True)
    return key


@cache
def _packed() -> bytes:
    return pack({name: File(path.read_bytes()) for name, path in _sources()})


def _sources() -> Iterator[tuple[str, Path]]:
    """Ours, and pyrage as it is here: a machine of another kind, which cannot load it, falls back to `age`."""
    for path in Path(pyrage.__file__).parent.iterdir():
        if path.is_file():
            yield f"pyrage/{path.name}", path
    root = Path(__file__).parents[2]
    yield "chalicelib/__init__.py", root / "__init__.py"
    for package in PACKAGES:
        for path in (root / package).glob("*.py"):
            yield f"chalicelib/{package}/{path.name}", path
