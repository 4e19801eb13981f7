"""What lies in the outbox of a home."""

import re
from email import message_from_bytes
from email.policy import default


def mails(ports):
    """Oldest first."""
    files = sorted((ports.settings.data / "outbox").glob("*.eml"))
    return [message_from_bytes(each.read_bytes(), policy=default) for each in files]


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


def last_link(ports, to):
    """The address that the latest mail to somebody leads to, without the host."""
    last = [each for each in mails(ports) if each["To"] == to][-1]
    return re.search(r"https?://[^/\s]+(/\S+)", text_of(last))[1]


def last_token(ports, to):
    return re.split(r"[/=]", last_link(ports, to))[-1]
