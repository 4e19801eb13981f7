"""What prompts can do to texts."""

import pytest

from chalicelib.generation.templates.filters import (
    LONGEST,
    Chance,
    capitalize_first,
    extract_keywords,
    filters,
    json_safe,
    remove_markdown,
    sentences,
    summarize_text,
    truncate_tokens,
    writing_style,
)

TEXT = "The mill stood still. Nobody came to the mill! Was the river dry?"


def drawn(name, value, seed=1, step_id="a", times=1):
    chance = Chance()
    chance.begin(seed, step_id)
    filter_ = filters(chance)[name]
    return [filter_(None, value) for _ in range(times)]


def test_all_filters_of_the_product_are_there():
    named = "random_sentence random_word writing_style truncate_tokens extract_keywords summarize_text capitalize_first"
    assert {*named.split(), "remove_markdown", "json_safe", "random"} == filters(Chance()).keys()


@pytest.mark.parametrize("name", ["random_sentence", "random_word"])
def test_a_draw_is_the_same_for_the_same_seed(name):
    assert drawn(name, TEXT, seed=5, times=9) == drawn(name, TEXT, seed=5, times=9)


@pytest.mark.parametrize("name", ["random_sentence", "random_word"])
def test_draws_differ_from_seed_to_seed(name):
    assert len({drawn(name, TEXT, seed=seed)[0] for seed in range(50)}) >= 3


def test_draws_differ_inside_one_prompt():
    assert len(set(drawn("random_word", TEXT, times=20))) > 3


def test_draws_differ_from_step_to_step():
    words = "one two three four five six seven eight nine ten"
    assert drawn("random_word", words, step_id="a", times=9) != drawn("random_word", words, step_id="b", times=9)


def test_a_random_sentence_is_one_of_the_text():
    assert drawn("random_sentence", TEXT)[0] in sentences(TEXT)


def test_every_sentence_is_drawn_in_time():
    assert {drawn("random_sentence", TEXT, seed=seed)[0] for seed in range(60)} == set(sentences(TEXT))


@pytest.mark.parametrize("name", ["random_sentence", "random_word", "random"])
def test_nothing_is_drawn_from_nothing(name):
    assert drawn(name, "") == [""]


def test_a_random_item_is_one_of_the_list():
    assert drawn("random", ["only"]) == ["only"]


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("I go. I see.", "short, plain sentences in the first person"),
        ("You win! Do you?", "short, plain, lively sentences in the second person"),
        ("They saw it.", "short, plain sentences in the third person"),
        ("Organisational transformation necessitates comprehensive deliberation.", "short, formal sentences in the"),
        ("a " * 60, "long, plain sentences in the third person"),
        ("", "no particular style"),
    ],
)
def test_a_style_is_told_in_words(text, style):
    assert writing_style(text).startswith(style)


def test_a_short_text_is_not_cut():
    assert truncate_tokens("two words", 10) == "two words"


def test_a_long_text_is_cut_between_words():
    assert truncate_tokens("one two three four", 3) == "one two"


def test_cutting_leaves_characters_whole():
    assert truncate_tokens("ééééé", 1) == "éé"


def test_keywords_are_the_words_said_most():
    assert extract_keywords("The mill and the river. The mill, a river, the mill.", 2) == "mill, river"


def test_keywords_of_nothing_are_none():
    assert extract_keywords("", 3) == ""


def test_a_summary_keeps_the_sentences_in_order():
    text = "The mill turns. Cats sleep a lot. The mill wheel turns at the mill."
    assert summarize_text(text, 2) == "The mill turns. The mill wheel turns at the mill."


def test_a_short_text_is_its_own_summary():
    assert summarize_text("One. Two.", 3) == "One. Two."


@pytest.mark.parametrize(("text", "expected"), [("ada Lovelace", "Ada Lovelace"), ("", ""), ("éa", "Éa")])
def test_only_the_first_letter_is_raised(text, expected):
    assert capitalize_first(text) == expected


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("# Title\ntext", "Title\ntext"),
        ("**bold** and *soft* and `code`", "bold and soft and code"),
        ("[mill](https://x.example) ![pic](y.png)", "mill pic"),
        ("- one\n- two\n1. three", "one\ntwo\nthree"),
        ("> said\n```py\nx = 1\n```", "said\nx = 1"),
        ("2 * 3 * 4 and a_b_c", "2 * 3 * 4 and a_b_c"),
    ],
)
def test_markdown_is_removed(marked, plain):
    assert remove_markdown(marked) == plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [('say "hi"\n', 'say \\"hi\\"\\n'), ("é", "é"), ([1, "a"], '[1, "a"]'), (None, "null"), (True, "true")],
)
def test_values_fit_into_json(value, expected):
    assert json_safe(value) == expected


def test_a_filter_refuses_what_is_too_long():
    with pytest.raises(ValueError, match="at most"):
        remove_markdown("x" * (LONGEST + 1))
