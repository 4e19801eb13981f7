from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from chalicelib.mail import Mail, Mailer

SENDER = "Millrace <millrace@millrace.test>"
LETTER = Mail("ada@engines.example", "Grüße ✓", "Guten Tag\nhttps://millrace.test/x?y=1&z=2\n", "<p>Guten Tag ✓</p>")


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


class MailContract:
    """Wants the fixtures `mailer`, which sends as SENDER, and `sent`: the whole mails, in order."""

    def test_it_works(self, mailer: Mailer, sent: Callable[[], list[bytes]]) -> None:
        mailer.send(LETTER)
        message = read(sent()[0])
        assert (message["From"], message["To"], message["Subject"]) == (SENDER, LETTER.to, LETTER.subject)

    def test_both_ways_to_read_it_arrive(self, mailer: Mailer, sent: Callable[[], list[bytes]]) -> None:
        mailer.send(LETTER)
        parts = {part.get_content_type(): part.get_content() for part in read(sent()[0]).iter_parts()}
        assert parts["text/plain"].replace("\r\n", "\n") == LETTER.text
        assert parts["text/html"].strip() == LETTER.html

    def test_mails_stay_in_order(self, mailer: Mailer, sent: Callable[[], list[bytes]]) -> None:
        for name in "abc":
            mailer.send(Mail(f"{name}@engines.example", name, "text", "<p>html</p>"))
        assert [read(each)["Subject"] for each in sent()] == ["a", "b", "c"]

    @pytest.mark.parametrize("local", ["a,b", "a;b", '"x', "<y>", "a(b)"])
    def test_an_address_stays_one(self, mailer: Mailer, sent: Callable[[], list[bytes]], local: str) -> None:
        mailer.send(Mail(f"{local}@engines.example", "s", "t", "h"))
        found = read(sent()[0])["To"].addresses
        assert [(each.username, each.domain) for each in found] == [(local, "engines.example")]

    @pytest.mark.parametrize("subject", ["a\nBcc: eve@evil.example", "a\r\nX: y", "a\rb"])
    def test_nothing_becomes_a_header(self, mailer: Mailer, sent: Callable[[], list[bytes]], subject: str) -> None:
        with pytest.raises(ValueError, match=r"(?i)linefeed|carriage|newline|control"):
            mailer.send(Mail("ada@engines.example", subject, "t", "h"))
        assert sent() == []
