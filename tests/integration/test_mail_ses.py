from collections.abc import Callable
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.errors import Unavailable
from chalicelib.mail.ses import SesMail
from tests.contracts.mail import LETTER, SENDER, MailContract
from tests.integration.conftest import REGION

pytestmark = pytest.mark.integration


@pytest.fixture
def client(aws: Callable[[str], Any]) -> Any:
    client = aws("sesv2")
    ses_backends[DEFAULT_ACCOUNT_ID][REGION].reset()
    client.create_email_identity(EmailIdentity="millrace@millrace.test")
    return client


@pytest.fixture
def mailer(client: Any) -> SesMail:
    return SesMail(client, sender=SENDER)


@pytest.fixture
def sent() -> Callable[[], list[bytes]]:
    return lambda: [each.raw_data.encode() for each in ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages]


class TestMail(MailContract):
    pass


def test_a_sender_that_is_not_verified_is_told(client: Any) -> None:
    with pytest.raises(Unavailable, match="refused"):
        SesMail(client, sender="x@elsewhere.example").send(LETTER)
