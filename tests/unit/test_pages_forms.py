"""Forms as browsers send them."""

import pytest

from chalicelib.errors import Invalid
from frontend.forms import read_form

MULTIPART = "multipart/form-data; boundary=edge"


def part(name, content, filename=None):
    extra = f'; filename="{filename}"' if filename is not None else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts):
    return read_form(b"".join(parts) + b"--edge--\r\n", MULTIPART)


def test_a_file_comes_with_its_name_and_its_bytes():
    sent = form(part("file", b"\x00\xff\r\n\x80", "seeds.csv"))
    assert (sent.files["file"].name, sent.files["file"].content) == ("seeds.csv", b"\x00\xff\r\n\x80")


def test_no_file_chosen_is_no_file():
    assert form(part("file", b"", "")).files == {}


def test_a_file_can_be_read_as_text():
    assert form(part("file", "\ufeffgröße\r\nb".encode(), "a.txt")).text("file") == "größe\nb"


def test_a_file_that_is_no_text_says_so():
    with pytest.raises(Invalid, match="is not UTF-8"):
        form(part("file", b"\xff", "a.txt")).text("file")


def test_a_field_that_is_no_text_is_refused():
    with pytest.raises(Invalid, match="browser"):
        form(part("field", b"\xff"))


def test_fields_stand_beside_files():
    sent = form(part("name", b"seeds"), part("file", b"x", "a.csv"))
    assert (sent.text("name"), sent.text("missing")) == ("seeds", "")
