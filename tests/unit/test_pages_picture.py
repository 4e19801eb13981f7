"""The picture of a job's orders."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.model import Order, OrderSpec, OrderStatus
from frontend.views.layers import arrange
from frontend.views.picture import BAND_WIDTH, MARGIN, picture


def orders(*dependencies, status=OrderStatus.QUEUED):
    return [
        Order(
            number=number,
            spec=OrderSpec(name=f"o{number}", commands=["true"], timeout=1, dependencies=needs),
            status=status,
        )
        for number, needs in enumerate(dependencies, 1)
    ]


CHAIN = orders(*[(number - 1,) if number > 1 else () for number in range(1, 41)])
FAN = orders((), *[(1,)] * 100, tuple(range(2, 102)))
THOUSAND = orders(*[(number - 37,) if number > 37 else () for number in range(1, 1001)])

graphs = st.integers(1, 40).flatmap(
    lambda size: st.tuples(*[st.sets(st.integers(1, n)).map(sorted) if n else st.just([]) for n in range(size)])
)


def overlap(one, other):
    return (
        one.x < other.right and other.x < one.right and one.y < other.y + other.height and other.y < one.y + one.height
    )


def test_three_orders_are_three_boxes_with_an_arrow_to_each_that_waits():
    drawn = picture(orders((), (1,), (1,)))
    assert (len(drawn.boxes), len(drawn.fields)) == (3, 0)
    assert [line.arrow for line in drawn.lines] == [True, True]


def test_a_long_chain_is_broken_into_bands_instead_of_growing_wide():
    drawn = picture(CHAIN)
    assert drawn.width <= BAND_WIDTH + 2 * MARGIN
    assert len({box.place.y for box in drawn.boxes}) == 6


def test_alike_orders_are_one_field_with_a_square_each():
    drawn = picture(FAN)
    assert [box.name for box in drawn.boxes] == ["o1", "o102"]
    assert [len(field.squares) for field in drawn.fields] == [100]


def test_a_thousand_orders_are_one_block_for_each_layer():
    drawn = picture(THOUSAND)
    assert len(drawn.fields) + len(drawn.boxes) == 28
    assert sum(path.count("M") for field in drawn.fields for path in field.paths.values()) + len(drawn.boxes) == 1000


def test_very_many_alike_orders_are_drawn_as_one_path_for_each_state():
    field = picture(orders(*[()] * 600)).fields[0]
    assert field.squares == ()
    assert field.paths["wait"].count("M") == 600


def test_a_long_edge_runs_beside_the_boxes_that_it_passes():
    layers = arrange([(), (1,), (2,), (1, 3)])
    assert [len(row) for row in layers.rows] == [1, 2, 2, 1]


def test_what_has_flowed_is_told_from_what_has_not():
    done = orders((), status=OrderStatus.SUCCEEDED)
    waiting = orders((), (1,), (2,))[1:]
    assert [line.tone for line in picture(done + waiting).lines] == ["flowed", "dry"]


def test_the_picture_is_told_in_words_too():
    assert picture(FAN).summary.startswith("Picture of 102 orders in 3 steps, 0 succeeded.")


@given(graphs)
def test_every_order_is_drawn_once(dependencies):
    groups = arrange(dependencies).groups
    assert sorted(number for group in groups for number in group.members) == list(range(1, len(dependencies) + 1))


@given(graphs)
def test_edges_go_from_one_row_to_the_next(dependencies):
    layers = arrange(dependencies)
    row = {index: level for level, indexes in enumerate(layers.rows) for index in indexes}
    assert all(row[end] == row[start] + 1 for start, end in layers.edges)


@given(graphs)
def test_nothing_is_drawn_over_anything_else(dependencies):
    drawn = picture(orders(*map(tuple, dependencies)))
    places = [each.place for each in (*drawn.boxes, *drawn.fields)]
    assert not any(overlap(one, other) for one, other in combinations(places, 2))
    assert all(place.right <= drawn.width and place.y + place.height <= drawn.height for place in places)
