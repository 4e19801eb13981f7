"""Keys as paths of files.

The key `a/b` is the file `a.d/b.o`: folders and objects differ in their endings, so that `a` and `a/b` can both be
objects.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from chalicelib.errors import Invalid
from chalicelib.objects.keys import check_key

FOLDER, OBJECT = ".d", ".o"
UNFINISHED = ".unfinished"
"""Folder of what is being written; its name is no key's."""


def key_path(key: str) -> str:
    folders, _, name = key.rpartition("/")
    return _folder_path(folders) + name + OBJECT


def walk(root: Path, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    """Keys that start with `prefix` and come after `after`, in order of their text; below `prefix` alone is looked."""
    folders, _, _ = prefix.rpartition("/")
    try:
        check_key(folders or "no folder")
    except Invalid:
        return iter(())
    return _walk(root / _folder_path(folders), folders + "/" if folders else "", prefix, after)


def _walk(folder: Path, above: str, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    # A folder sorts by the slash that its keys go on with, and its keys all lie between its neighbours.
    for text, entry in sorted(_entries(folder, above), key=lambda pair: pair[0]):
        if entry.is_dir():
            if text.startswith(prefix) and (text > after or after.startswith(text)):
                yield from _walk(Path(entry), text, prefix, after)
        elif text.startswith(prefix) and text > after:
            with suppress(FileNotFoundError):
                yield text, entry.stat()


def _entries(folder: Path, above: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(FOLDER):
                yield above + entry.name.removesuffix(FOLDER) + "/", entry
            elif entry.name.endswith(OBJECT):
                yield above + entry.name.removesuffix(OBJECT), entry


def _folder_path(folders: str) -> str:
    return "".join(f"{part}{FOLDER}/" for part in folders.split("/")) if folders else ""
