"""Mails as files in a folder, for a home without a mail service: whoever runs it reads or forwards them."""

import logging
import os
import tempfile
from email.utils import format_datetime
from pathlib import Path

from chalicelib.clock import Clock
from chalicelib.errors import Unavailable
from chalicelib.mail import Mail
from chalicelib.mail.messages import message_of

log = logging.getLogger(__name__)


class Outbox:
    def __init__(self, folder: Path, clock: Clock, *, sender: str) -> None:
        self._folder = folder
        self._clock = clock
        self._sender = sender

    def send(self, mail: Mail) -> None:
        message = message_of(mail, self._sender)
        message["Date"] = format_datetime(self._clock.now())
        path = self._folder / f"{self._clock.new_id()}.eml"
        try:
            self._write(path, message.as_bytes())
        except OSError as error:
            raise Unavailable(f"The mail could not be written: {error.strerror}.") from error
        log.info("A mail to %s lies in the outbox: %s (%s)", mail.to, mail.subject, path)

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=self._folder, prefix=".draft-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(draft).rename(path)
