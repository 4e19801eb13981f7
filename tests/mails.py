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


def letters_in(folder, to):
    """The texts of what was mailed to somebody, oldest first."""
    return [text_of(each) for each in mails_in(folder) if each["To"] == to]


def link_in(letter):
    """The address that it leads to, without the host."""
    return re.search(r"https?://[^/\s]+(/\S+)", letter)[1]


def last_link(ports, to):
    return link_in(letters_in(ports.settings.data / "outbox", to)[-1])


def last_token(ports, to):
    return re.split(r"[/=]", last_link(ports, to))[-1]
