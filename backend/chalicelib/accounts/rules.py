"""What an address and a name may look like, and how that is said."""

import re

EMAIL_RULE = "must be an e-mail address, such as ada@example.org"
ORGANISATION_RULE = (
    "must have 2 to 100 letters, digits, spaces, hyphens and apostrophes, and start with a letter or digit"
)
PASSWORD_RULE = "must have 10 to 200 characters"  # noqa: S105 - a sentence
PASSWORD_LENGTHS = range(10, 201)
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@.\x00-\x1f\x7f]+(\.[^\s@.\x00-\x1f\x7f]+)+")
_ORGANISATION = re.compile(r"[^\W_](?:[^\W_]|[ '\u2019-]){1,99}")
_LONGEST_EMAIL = 254


def is_email(text: str) -> bool:
    return len(text) <= _LONGEST_EMAIL and bool(_EMAIL.fullmatch(text))


def is_password(text: str) -> bool:
    return len(text) in PASSWORD_LENGTHS


def is_organisation(text: str) -> bool:
    return bool(_ORGANISATION.fullmatch(text))
