"""Files in memory, and zips of them that are the same bytes for the same files."""

import io
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import Invalid
from chalicelib.work.unpacking import UnsafeArchive, check_entries, check_name

_EPOCH = (1980, 1, 1, 0, 0, 0)
PLAIN, EXECUTABLE, LINK = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777


@dataclass(frozen=True, slots=True)
class File:
    """`mode` as in a zip: kind and permissions. A link's content is what it leads to."""

    content: bytes
    mode: int = PLAIN


Files = Mapping[str, File]


def pack(files: Files) -> bytes:
    """Raises Invalid for a name that would leave the folder it is unpacked in."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            _check(check_name, name)
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = files[name].mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].content)
    return packed.getvalue()


def unpack(content: bytes) -> dict[str, File]:
    """Raises Invalid for what is no zip, or an unsafe one."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        raise Invalid("The code is no zip file.") from None
    with archive:
        entries = [each for each in archive.infolist() if not each.is_dir()]
        _check(check_entries, entries)
        return {each.filename: File(archive.read(each), _mode(each)) for each in entries}


def of_names(files: Mapping[str, bytes]) -> dict[str, File]:
    """Objects have no permissions: what begins as a script does is one."""
    return {name: File(content, EXECUTABLE if content[:2] == b"#!" else PLAIN) for name, content in files.items()}


def _mode(entry: zipfile.ZipInfo) -> int:
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        return LINK
    return EXECUTABLE if mode & 0o100 else PLAIN


def _check(check: Callable[[Any], None], what: object) -> None:
    try:
        check(what)
    except UnsafeArchive as unsafe:
        raise Invalid(f"The code cannot be packed: {unsafe}.") from None
