"""Keys in files of a folder, readable by their owner alone."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


class FolderKeys:
    """`folder` is made on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self._folder / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            _publish(path, make())
        return path.read_bytes()

    def replace(self, name: str, content: bytes) -> None:
        path = self._folder / name
        _draft(path, content).replace(path)
        _sync_folder(self._folder)

    def mark(self, name: str) -> object:
        return (self._folder / name).stat().st_mtime_ns


def _publish(path: Path, content: bytes) -> None:
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
