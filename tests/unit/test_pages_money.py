"""Money and its pictures."""

import pytest

from frontend.views.charts import HEIGHT, WIDTH, bars, columns, meter, round_up
from frontend.views.money import micro_of, share, typed_usd, usd


@pytest.mark.parametrize(
    ("micro", "said"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (325, "$0.000325"),
        (41_300, "$0.0413"),
        (100_000, "$0.10"),
        (999_999, "$1.00"),
        (1_000_000, "$1.00"),
        (12_345_678, "$12.35"),
        (1_234_500_000, "$1,234.50"),
        (-50_000, "-$0.05"),
    ],
)
def test_an_amount_has_as_many_places_as_say_something(micro, said):
    assert usd(micro) == said


@pytest.mark.parametrize(
    ("typed", "micro"),
    [("1", 1_000_000), (" $0.10 ", 100_000), ("1,000", 1_000_000_000), ("-3", -3_000_000), ("0.0000019", 1)],
)
def test_dollars_that_somebody_types_are_read(typed, micro):
    assert micro_of(typed) == micro


@pytest.mark.parametrize("typed", ["", "ten", "1e99", "NaN", "Infinity", "1.2.3"])
def test_what_is_no_amount_is_told_apart(typed):
    assert micro_of(typed) is None


@pytest.mark.parametrize("micro", [1, 41_300, 100_000, 12_500_000])
def test_an_amount_comes_back_from_its_field(micro):
    assert micro_of(typed_usd(micro)) == micro


@pytest.mark.parametrize(("part", "whole", "said"), [(0, 0, "0 %"), (1, 1000, "under 1 %"), (1, 8, "12 %")])
def test_a_share_is_said_in_hundredths(part, whole, said):
    assert share(part, whole) == said


def test_the_longest_bar_takes_the_whole_width_and_none_is_invisible():
    assert [bar.width for bar in bars([("a", 10_000_000), ("b", 5_000_000), ("c", 1), ("d", 0)])] == [1000, 500, 4, 0]


@pytest.mark.parametrize(("value", "top"), [(0, 2), (1, 2), (3, 5), (10, 10), (11, 20), (612, 1000)])
def test_a_scale_ends_at_a_number_that_can_be_read(value, top):
    assert round_up(value) == top


def test_columns_stand_on_the_ground_in_their_order():
    picture = columns([("Mon", 500_000), ("Tue", 1_000_000)], thing="Cost by day")
    first, second = picture.columns
    assert (first.y + first.height, second.height) == (HEIGHT, HEIGHT)
    assert first.x + first.width < second.x < WIDTH
    assert picture.summary.startswith("Cost by day: $1.50 in all, at most $1.00.")


def test_no_columns_make_a_picture_too():
    assert columns([], thing="Cost by day").columns == []


def test_a_meter_shows_spent_reserved_and_the_estimate_against_the_cap():
    gauge = meter(spent=200_000, reserved=100_000, cap=1_000_000, expected=500_000)
    assert (gauge.spent, gauge.reserved, gauge.cap) == (200, 100, 1000)
    assert [mark.x for mark in gauge.marks] == [500]
    assert gauge.summary == "$0.20 spent, $0.10 reserved, cap $1.00, estimate $0.50"


def test_an_estimate_beyond_the_cap_lengthens_the_scale():
    assert meter(spent=0, reserved=0, cap=500_000, expected=1_000_000).cap == 500


def test_spent_and_reserved_never_leave_the_picture():
    gauge = meter(spent=999_999, reserved=1, cap=1_000_000, expected=None)
    assert gauge.spent + gauge.reserved == WIDTH


def test_few_columns_are_all_labelled_and_many_at_both_ends():
    few = columns([(f"v{n}", n) for n in range(3)], thing="Cost")
    many = columns([(f"day {n}", n) for n in range(30)], thing="Cost")
    assert (few.labels, few.spread) == (["v0", "v1", "v2"], False)
    assert (many.labels, many.spread) == (["day 0", "day 29"], True)
