"""Flat rows, kinds of columns, and quality."""

from chalicelib.generation import columns, quality


def row(number=0, **outputs):
    return {
        "number": number,
        "seed": 3,
        "columns": {"author": "Ada"},
        "prompts": {},
        "outputs": outputs,
        "model": "offline/small",
        "tokens": 7,
        "cost": 2,
        "error": "",
    }


def test_a_row_is_the_seed_then_the_outputs_then_our_own_columns():
    assert columns.flatten(row(draft="Hello")) == {
        "author": "Ada",
        "draft": "Hello",
        "_id": 0,
        "_seed": 3,
        "_model": "offline/small",
        "_tokens": 7,
        "_cost": 2,
    }


def test_an_output_with_a_schema_gives_a_column_per_field():
    flat = columns.flatten(row(review={"stars": 5, "text": "Good"}))
    assert (flat["stars"], flat["text"]) == (5, "Good")


def test_a_field_that_the_seed_has_too_gets_its_step_before_it():
    assert columns.flatten(row(review={"author": "Bob"}))["review.author"] == "Bob"


def test_a_column_holds_what_all_its_values_fit_into():
    rows = [{"a": 1, "b": None, "c": 1, "d": [1]}, {"a": 2.5, "b": "x", "c": "y", "d": {}}]
    assert columns.kinds_of(rows) == {"a": "number", "b": "text", "c": "mixed", "d": "json"}


def test_numbers_too_large_for_64_bits_are_no_integers():
    assert columns.kind_of(1 << 63) == "mixed"


def test_exact_duplicates_are_counted():
    found = quality.measure([row(draft="one two three four five")] * 3 + [row(draft="something else altogether here")])
    assert found.exact_duplicates == 0.5


def test_texts_that_differ_in_a_word_are_near_duplicates():
    words = [f"word{number}" for number in range(80)]
    other = " ".join([*words[:-1], "changed"])
    found = quality.measure([row(draft=" ".join(words)), row(draft=other)])
    assert (found.exact_duplicates, found.near_duplicates) == (0, 0.5)


def test_texts_about_different_things_are_no_duplicates():
    texts = [" ".join(f"{topic}{number}" for number in range(50)) for topic in ("a", "b", "c")]
    assert quality.measure([row(draft=text) for text in texts]).near_duplicates == 0


def test_lengths_are_spread_over_a_histogram_that_counts_all():
    found = quality.measure([row(draft="x" * size) for size in (0, 1, 50, 100)]).lengths[0]
    assert (found.shortest, found.median, found.longest) == (0, 26, 100)
    assert sum(count for _, count in found.histogram) == 4


def test_nothing_has_no_quality():
    assert quality.measure([]).sampled == 0
