"""Mail through Amazon SES. The sender's address or domain must be verified there."""

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Unavailable
from chalicelib.mail import Mail
from chalicelib.mail.messages import message_of


class SesMail:
    """`client` is one of `sesv2`."""

    def __init__(self, client: Client, *, sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, mail: Mail) -> None:
        message = message_of(mail, self._sender)
        try:
            call(
                self._client.send_email,
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [message["To"].addresses[0].addr_spec]},
                Content={"Raw": {"Data": message.as_bytes()}},
            )
        except Refused as error:
            raise Unavailable(f"The mail service refused the mail: {error}") from error
