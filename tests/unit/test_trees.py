"""Trees of tenants as values: whatever is moved in whatever order, they stay trees."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.tenants.tree import MOST_LEVELS, HierarchyCycle, TooDeep, Tree

NAMES = st.sampled_from("ABCDEFGH")


def applied(trees, child, parent):
    """Every tree after a move of `child` below `parent`, by the name of each tenant in it."""
    old, new = trees[child], trees[parent]
    branch = old.branch(child)
    grown = new.grown(branch, parent)
    left = grown if old.root == new.root else old.without(child)
    after = {**trees, **{name: left for name in trees if name in old}}
    return {**after, **{name: grown for name in trees if name in grown}}


@given(st.lists(st.tuples(NAMES, NAMES), max_size=40))
def test_any_moves_leave_trees(moves):
    trees = {name: Tree(name) for name in "ABCDEFGH"}
    for child, parent in moves:
        try:
            trees = applied(trees, child, parent)
        except (HierarchyCycle, TooDeep):
            continue
        for name, tree in trees.items():
            assert name in tree
            assert tree.level(name) <= MOST_LEVELS
            assert len(list(tree.leaf_first(tree.root))) == len(tree.parents) + 1


@given(st.lists(st.tuples(NAMES, NAMES), max_size=20))
def test_leaves_come_before_what_is_above_them(moves):
    trees = {name: Tree(name) for name in "ABCDEFGH"}
    for child, parent in moves:
        try:
            trees = applied(trees, child, parent)
        except (HierarchyCycle, TooDeep):
            continue
    for tree in trees.values():
        order = list(tree.leaf_first(tree.root))
        assert all(order.index(child) < order.index(parent) for child, parent in tree.parents.items())
