import html
import logging

import pytest

from chalicelib.errors import Unavailable
from chalicelib.letters import letter
from chalicelib.mail.outbox import Outbox
from tests.contracts.mail import LETTER, SENDER, MailContract, read

WORDS = {
    "invited_by": "ada@engines.example",
    "organisation": "Engines & <Sons>",
    "role": "viewer",
    "to": "grace@navy.example",
    "until": "27 November",
    "link": "https://millrace.test/x",
    "at": "20 November",
    "address": "192.0.2.1",
}


@pytest.fixture
def mailer(tmp_path, clock):
    return Outbox(tmp_path / "outbox", clock, sender=SENDER)


@pytest.fixture
def sent(tmp_path):
    return lambda: [each.read_bytes() for each in sorted((tmp_path / "outbox").glob("*"))]


class TestMail(MailContract):
    pass


def test_a_mail_says_when_it_was_written(mailer, sent):
    mailer.send(LETTER)
    assert read(sent()[0])["Date"].datetime.isoformat() == "2026-11-20T12:00:00+00:00"


def test_the_log_says_where_a_mail_lies(mailer, caplog):
    caplog.set_level(logging.INFO)
    mailer.send(LETTER)
    assert "ada@engines.example lies in the outbox" in caplog.text
    assert ".eml" in caplog.text


def test_a_mail_that_cannot_be_written_is_not_sent(tmp_path, clock):
    (tmp_path / "outbox").write_text("no folder")
    with pytest.raises(Unavailable):
        Outbox(tmp_path / "outbox", clock, sender=SENDER).send(LETTER)


@pytest.mark.parametrize("name", ["invitation", "reset", "verification", "changed"])
def test_every_letter_says_the_same_both_ways(name):
    mail = letter(name, **WORDS)
    assert mail.to == "grace@navy.example"
    assert WORDS["link"] in mail.text
    assert f'href="{WORDS["link"]}"' in mail.html
    assert f"<title>{html.escape(mail.subject)}</title>" in mail.html


def test_names_are_no_markup():
    assert "Engines &amp; &lt;Sons&gt;" in letter("invitation", **WORDS).html
