"""Folders that survive a power cut, for those who keep files in them."""

import os
from pathlib import Path


def sync_folder(folder: Path | str) -> None:
    """Make what was created, renamed or removed in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """The folder and its missing parents, readable by their owner alone, while others may remove empty ones."""
    while not folder.is_dir():
        try:
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)
        except FileExistsError:
            if folder.is_file() or folder.is_symlink():
                raise
        except FileNotFoundError:
            make_folder(folder.parent)
