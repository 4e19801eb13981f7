import re
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.shells import Masker


def masked(secrets: Iterable[str | bytes], *pieces: bytes) -> bytes:
    masker = Masker(secrets)
    return b"".join([*map(masker.feed, pieces), masker.flush()])


def test_a_secret_is_replaced() -> None:
    assert masked(["hunter22"], b"the password is hunter22, really") == b"the password is ***, really"


def test_a_secret_is_found_across_pieces() -> None:
    assert masked(["hunter22"], b"is hun", b"ter", b"22!") == b"is ***!"


def test_what_cannot_be_a_secret_is_not_held_back() -> None:
    assert Masker(["hunter22"]).feed(b"a line\n") == b"a line\n"


def test_only_the_beginning_of_a_secret_is_held_back() -> None:
    assert Masker(["hunter22"]).feed(b"the h hunt") == b"the h "


def test_what_was_held_back_in_vain_comes_with_the_next_piece() -> None:
    masker = Masker(["hunter22"])
    masker.feed(b"hunt")
    assert masker.feed(b"ing") == b"hunting"


def test_what_was_held_back_comes_at_the_end() -> None:
    assert masked(["hunter22"], b"hunt") == b"hunt"


def test_the_longest_of_overlapping_secrets_is_taken_out() -> None:
    assert masked(["abcd", "abcdefgh"], b"abcd", b"efgh") == b"***"


def test_the_shorter_secret_is_found_where_the_longer_one_breaks_off() -> None:
    assert masked(["abcd", "abcdefgh"], b"abcdef", b"x") == b"***efx"


def test_each_line_of_a_secret_is_a_secret() -> None:
    assert masked(["first line\nsecond line"], b"  > second line\n") == b"  > ***\n"


def test_a_secret_of_several_lines_is_taken_out_with_its_short_lines() -> None:
    assert masked(["first\n{\nlast"], b"first\n{\nlast.") == b"***."


def test_a_value_too_short_to_mask_is_left() -> None:
    assert masked(["abc", ""], b"abc") == b"abc"


def test_without_secrets_pieces_pass_as_they_are() -> None:
    piece = b"anything"
    assert Masker([]).feed(piece) is piece


def test_bytes_that_are_no_text_are_masked_too() -> None:
    assert masked([b"\xff\xfe\xfd\xfc"], b"a\xff\xfe\xfd\xfcb\xff") == b"a***b\xff"


words = st.text("ab", min_size=4, max_size=7)


@given(st.lists(words, min_size=1, max_size=4), st.lists(st.text("ab\n", max_size=9), max_size=8))
def test_however_the_output_is_cut_the_result_is_the_same(secrets: list[str], pieces: list[str]) -> None:
    longest_first = "|".join(sorted(secrets, key=len, reverse=True))
    expected = re.sub(longest_first, "***", "".join(pieces))
    assert masked(secrets, *(piece.encode() for piece in pieces)) == expected.encode()
