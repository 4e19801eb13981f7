"""A mail as it travels."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from chalicelib.mail import Mail

POLICY = SMTP.clone(utf8=True)


def message_of(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage(POLICY)
    message["From"] = sender
    # Made from its parts, an address with commas or brackets stays one address.
    local, _, domain = mail.to.rpartition("@")
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = mail.subject
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
