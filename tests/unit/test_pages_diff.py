"""Two versions of a text beside each other."""

from chalicelib.generation.templates.model import Part, Section
from frontend.views.diff import differences


def lines_of(*parts):
    (found,) = differences([Section("steps.draft.prompt", tuple(Part(*each) for each in parts))])
    return found.lines


def test_the_words_that_changed_are_marked_and_no_others():
    old, new = lines_of(("-", "Write about {{ city }} now."), ("+", "Write about {{ town }} now."))
    assert [piece.text for piece in old.pieces if piece.changed] == ["city"]
    assert [piece.text for piece in new.pieces if piece.changed] == ["town"]


def test_lines_that_have_nothing_in_common_are_not_compared_by_words():
    old, new = lines_of(("-", "alpha beta gamma"), ("+", "1 2 3 4 5 6 7 8 9"))
    assert [piece.changed for line in (old, new) for piece in line.pieces] == [False, False]


def test_nothing_of_a_line_is_lost():
    old, new = lines_of(("-", "  a <b>, c"), ("+", "  a <i>, d"))
    assert ["".join(piece.text for piece in line.pieces) for line in (old, new)] == ["  a <b>, c", "  a <i>, d"]


def test_equal_lines_far_from_a_change_are_left_out():
    same = [(" ", f"line {number}") for number in range(10)]
    lines = lines_of(*same, ("+", "new"))
    assert [line.pieces[0].text for line in lines] == ["line 7", "line 8", "line 9", "new"]
    assert lines[0].gap
    assert not lines[1].gap


def test_more_new_lines_than_old_ones_are_all_shown():
    lines = lines_of(("-", "one"), ("+", "one!"), ("+", "two"))
    assert [line.sign for line in lines] == ["-", "+", "+"]
