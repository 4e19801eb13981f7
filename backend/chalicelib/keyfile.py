"""Keys on disk: made once, readable by their owner alone, the same for every process that asks."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """The content of `path`; the first of several processes that finds none makes it, the others read that one."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        publish(path, make())
    return path.read_bytes()


def publish(path: Path, content: bytes) -> None:
    """Put a whole file in place unless one is there already; it is durable on return."""
    draft = _draft(path, content)
    try:
        # A link appears whole, and fails where a file is already.
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Put a whole file in place of the one that is there; it is durable on return."""
    _draft(path, content).replace(path)
    _sync_folder(path.parent)


def _draft(path: Path, content: bytes) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes files that only their owner reads.
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(draft)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
