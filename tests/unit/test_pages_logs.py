"""Log bytes as text that a page may hold."""

from hypothesis import given
from hypothesis import strategies as st

from frontend.views.logs import clean, printable


def test_colours_and_other_terminal_codes_are_left_out():
    assert printable("\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain\x1b[2K") == "red plain"


def test_a_carriage_return_ends_a_line():
    assert printable("10 %\r100 %\r\ndone") == "10 %\n100 %\ndone"


def test_control_characters_are_shown_as_replaced():
    assert printable("a\x00b\x07c\ufffe") == "a�b�c�"


def test_bytes_that_are_no_text_are_shown_as_replaced():
    assert clean(b"caf\xe9!", complete=True).text == "caf�!"


def test_half_a_character_waits_for_its_rest():
    piece = clean("naïve ✓".encode()[:-1], complete=False)
    assert (piece.text, piece.taken) == ("naïve ", 7)


def test_half_a_terminal_code_waits_for_its_rest():
    assert clean(b"red: \x1b[3", complete=False).taken == 5


def test_half_a_character_at_the_end_is_not_waited_for():
    assert clean("✓".encode()[:-1], complete=True).text == "�"


@given(st.binary(), st.integers(0, 100))
def test_pieces_read_the_same_as_the_whole(octets, cut):
    first = clean(octets[:cut], complete=False)
    assert first.taken <= cut
    rest = clean(octets[first.taken :], complete=True)
    assert rest.taken == len(octets) - first.taken


@given(st.text(alphabet="aé✓😀\n\r\x1b[31m"), st.integers(0, 60))
def test_text_in_pieces_loses_nothing(text, cut):
    octets = text.encode()
    first = clean(octets[:cut], complete=False)
    assert "�" not in first.text or "\x1b" in text
    assert first.taken <= len(octets)
