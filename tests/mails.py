"""What lies in the outbox of a home."""

import re
from email import message_from_bytes
from email.policy import default


def mails_in(folder):
    """Oldest first."""
    return [message_from_bytes(each.read_bytes(), policy=default) for each in sorted(folder.glob("*.eml"))]


def mails(ports):
    return mails_in(ports.settings.data / "outbox")


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


def last_link_in(folder, to):
    """The address that the latest mail to somebody leads to, without the host."""
    last = [each for each in mails_in(folder) if each["To"] == to][-1]
    return re.search(r"https?://[^/\s]+(/\S+)", text_of(last))[1]


def last_link(ports, to):
    return last_link_in(ports.settings.data / "outbox", to)


def last_token(ports, to):
    return re.split(r"[/=]", last_link(ports, to))[-1]
