"""Fields of a posted form, sent either way that browsers send them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qs

from chalicelib.bodies import check_media_type, check_size
from chalicelib.errors import Invalid

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_FIELDS = 300


@dataclass(frozen=True, slots=True)
class Form:
    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """The first value, with the line ends of a Unix file; empty when the field is missing."""
        return self.fields.get(name, [""])[0].replace("\r\n", "\n")

    def all(self, name: str) -> Sequence[str]:
        return self.fields.get(name, [])


def read_form(body: bytes, content_type: str) -> Form:
    check_size(body)
    kind = check_media_type(content_type, (URLENCODED, MULTIPART))
    try:
        fields = _multipart(body, content_type) if kind == MULTIPART else _urlencoded(body)
    except (UnicodeDecodeError, ValueError):
        raise Invalid("The form is not one that a browser would send.") from None
    return Form(fields)


def _urlencoded(body: bytes) -> dict[str, list[str]]:
    return parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)


def _multipart(body: bytes, content_type: str) -> dict[str, list[str]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise ValueError("not multipart")
    fields: dict[str, list[str]] = {}
    for part in list(message.walk())[1 : MOST_FIELDS + 1]:
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            fields.setdefault(name, []).append(_text_of(part))
    return fields


def _text_of(part: Message) -> str:
    octets = part.get_payload(decode=True)
    return octets.decode("utf-8-sig") if isinstance(octets, bytes) else ""
