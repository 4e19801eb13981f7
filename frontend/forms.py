"""Fields of a posted form, sent either way that browsers send them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qs

from chalicelib.bodies import check_media_type, check_size
from chalicelib.errors import Invalid

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_FIELDS = 300


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form, as it was sent."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    fields: Mapping[str, Sequence[str]]
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The first value, with the line ends of a Unix file; empty when the field is missing.

        A file's text, too. Raises Invalid when that is not UTF-8.
        """
        if name in self.files:
            return _file_text(self.files[name])
        return self.fields.get(name, [""])[0].replace("\r\n", "\n")

    def all(self, name: str) -> Sequence[str]:
        return self.fields.get(name, [])


def read_form(body: bytes, content_type: str) -> Form:
    check_size(body)
    kind = check_media_type(content_type, (URLENCODED, MULTIPART))
    try:
        return _multipart(body, content_type) if kind == MULTIPART else Form(_urlencoded(body))
    except (UnicodeDecodeError, ValueError):
        raise Invalid("The form is not one that a browser would send.") from None


def _urlencoded(body: bytes) -> dict[str, list[str]]:
    return parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)


def _multipart(body: bytes, content_type: str) -> Form:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart() or message.defects:
        raise ValueError("not multipart")
    fields: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    for part in list(message.walk())[1 : MOST_FIELDS + 1]:
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        if filename := part.get_filename():
            files[name] = Upload(filename, _bytes_of(part))
        else:
            fields.setdefault(name, []).append(_bytes_of(part).decode("utf-8-sig"))
    return Form(fields, files)


def _bytes_of(part: Message) -> bytes:
    octets = part.get_payload(decode=True)
    return octets if isinstance(octets, bytes) else b""


def _file_text(file: Upload) -> str:
    try:
        return file.content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Invalid(f"The file {file.name} is not UTF-8 text.") from None
