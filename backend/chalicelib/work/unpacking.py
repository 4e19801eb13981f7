"""A bundle's zip made into files, none of them outside of the folder."""

import io
import os
import stat
import zipfile
from pathlib import Path

MOST_BYTES = 1_000_000_000
MOST_FILES = 100_000
_PIECE = 1 << 20


class UnsafeArchive(Exception):
    """What would leave its folder, or fill the disk; the message says what is wrong."""


def unpack(content: bytes, folder: Path) -> None:
    """All of its files; those marked as executable are. Raises UnsafeArchive before anything is written."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        raise UnsafeArchive("the bundle is no zip file") from None
    with archive:
        entries = [each for each in archive.infolist() if not each.is_dir()]
        check_entries(entries)
        # Links come last: nothing is ever written through one.
        for each in sorted(entries, key=is_link):
            _write(archive, each, folder)


def check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_FILES or sum(each.file_size for each in entries) > MOST_BYTES:
        raise UnsafeArchive(f"it has more than {MOST_FILES:,} files or {MOST_BYTES:,} bytes")
    for each in entries:
        check_name(each.filename)


def check_name(name: str) -> None:
    """Raises UnsafeArchive unless it is a plain path below its folder."""
    parts = name.split("/")
    if not name or "\\" in name or "\0" in name or not {"", ".", ".."}.isdisjoint(parts) or ":" in parts[0]:
        raise UnsafeArchive(f"{name[:200]!r} would not stay in its folder")


def is_link(entry: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(entry.external_attr >> 16)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    path = folder / entry.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_link(entry):
        target = archive.read(entry).decode()
        inside = os.path.normpath(Path(entry.filename).parent / target)
        if target.startswith("/") or inside.startswith(".."):
            raise UnsafeArchive(f"the link {entry.filename!r} leads out of its folder")
        path.symlink_to(target)
        return
    with archive.open(entry) as source, path.open("xb") as file:
        left = entry.file_size
        while piece := source.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise UnsafeArchive(f"{entry.filename!r} is larger than it says")
            file.write(piece)
    if entry.external_attr >> 16 & 0o100:
        path.chmod(0o755)
