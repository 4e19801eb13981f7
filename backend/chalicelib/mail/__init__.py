"""Port: mail to people.

- `send` returns once the mail is handed over: it is on disk, or the mail service has taken it. Raises Unavailable when
  that is not possible at present.
- Whatever stands in an address, a mail goes to that one address, and nothing in it becomes a header.
- `to` and `subject` hold no line breaks; a mail that does is a ValueError.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """`text` and `html` say the same."""

    to: str
    subject: str
    text: str
    html: str


class Mailer(Protocol):
    def send(self, mail: Mail) -> None: ...
