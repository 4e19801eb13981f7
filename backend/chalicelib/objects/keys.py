"""What every adapter accepts as a key."""

from chalicelib.errors import Invalid

LONGEST = 900
MOST_BYTES = 1000
"""S3 takes 1,024."""
PART_BYTES = 250
"""File systems take 255, and the folder adapter adds to them."""


def check_key(key: str) -> None:
    """Raises Invalid unless `key` is a relative path without tricks."""
    if len(key) > LONGEST or not _is_plain(key) or not all(map(_is_part, key.split("/"))):
        raise Invalid(
            f"An object's key is a relative path of at most {LONGEST} characters; no part of it is empty, '.' or '..',"
            f" or longer than {PART_BYTES} bytes."
        )


def _is_part(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode()) <= PART_BYTES


def _is_plain(key: str) -> bool:
    """Valid Unicode without control characters, short enough as UTF-8."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return False
    return size <= MOST_BYTES and not any(character < " " or character == "\x7f" for character in key)
