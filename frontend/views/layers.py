"""Which orders stand side by side in the picture: groups of alike orders, in layers, each layer in its best order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.jobs import dag

SINGLES = 6
"""Alike orders (same dependencies, same dependants) up to this many are drawn one by one."""
MOST_GROUPS = 70
"""A picture with more boxes than this is drawn one block per layer."""
MOST_BENDS = 150
SWEEPS = 4

Edge = tuple[int, int]
Dependencies = Sequence[Sequence[int]]
"""What each order waits for; the first is order 1."""


@dataclass(frozen=True, slots=True)
class Group:
    """Orders drawn as one: a box when there is one, a field of squares otherwise. No members: a bend of a long edge."""

    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layers:
    """`rows` hold indexes into `groups`; every edge goes from one row to the next.

    `origins` names the group that each edge comes from in the end, through its bends.
    """

    groups: Sequence[Group]
    rows: Sequence[Sequence[int]]
    edges: Sequence[Edge]
    origins: Sequence[int]


def arrange(dependencies: Dependencies) -> Layers:
    rank = {number: level for level, layer in enumerate(dag.layers(dependencies)) for number in layer}
    groups = _alike(dependencies, rank)
    if len(groups) > MOST_GROUPS or _bends(dependencies, rank, groups) > MOST_BENDS:
        groups = _by_layer(rank)
    return _sorted(_with_bends(dependencies, rank, groups))


def _alike(dependencies: Dependencies, rank: Mapping[int, int]) -> list[Group]:
    after = dag.dependants(dependencies)
    twins: defaultdict[tuple[frozenset[int], frozenset[int]], list[int]] = defaultdict(list)
    for number in sorted(rank):
        twins[frozenset(dependencies[number - 1]), frozenset(after[number - 1])].append(number)
    groups: list[Group] = []
    for members in twins.values():
        groups += [Group(tuple(members))] if len(members) > SINGLES else [Group((number,)) for number in members]
    return sorted(groups, key=lambda group: group.members)


def _by_layer(rank: Mapping[int, int]) -> list[Group]:
    layers: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(rank):
        layers[rank[number]].append(number)
    return [Group(tuple(layers[level])) for level in sorted(layers)]


def _group_edges(dependencies: Dependencies, groups: Sequence[Group]) -> list[Edge]:
    home = {number: index for index, group in enumerate(groups) for number in group.members}
    pairs = {(home[need], home[number]) for number, needs in enumerate(dependencies, 1) for need in needs}
    return sorted(pair for pair in pairs if pair[0] != pair[1])


def _bends(dependencies: Dependencies, rank: Mapping[int, int], groups: Sequence[Group]) -> int:
    level = [rank[group.members[0]] for group in groups]
    return sum(level[end] - level[start] - 1 for start, end in _group_edges(dependencies, groups))


def _with_bends(dependencies: Dependencies, rank: Mapping[int, int], groups: list[Group]) -> Layers:
    """Long edges get an empty group in each layer they pass, so that they run beside the boxes and not under them."""
    level = [rank[group.members[0]] for group in groups]
    whole_layers = len(set(level)) == len(groups) and any(len(group.members) > 1 for group in groups)
    edges: list[Edge] = []
    origins: list[int] = []
    for start, end in _group_edges(dependencies, groups):
        if whole_layers and level[end] - level[start] > 1:
            continue
        last = start
        for between in range(level[start] + 1, level[end]):
            groups.append(Group(()))
            level.append(between)
            edges.append((last, len(groups) - 1))
            last = len(groups) - 1
        edges.append((last, end))
        origins += [start] * (len(edges) - len(origins))
    rows: list[list[int]] = [[] for _ in range(max(level, default=-1) + 1)]
    for index, row in enumerate(level):
        rows[row].append(index)
    return Layers(groups, rows, edges, origins)


def _sorted(layers: Layers) -> Layers:
    """Fewer crossings: each row by the mean place of its neighbours, down and up a few times."""
    before, after = _neighbours(layers.edges), _neighbours((end, start) for start, end in layers.edges)
    rows = [list(row) for row in layers.rows]
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        order = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        for index in order:
            fixed = rows[index - 1] if downwards else rows[index + 1]
            rows[index] = _by_mean(rows[index], fixed, before if downwards else after)
    return Layers(layers.groups, rows, layers.edges, layers.origins)


def _neighbours(edges: Iterable[Edge]) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for start, end in edges:
        found[end].append(start)
    return dict(found)


def _by_mean(row: Sequence[int], fixed: Sequence[int], neighbours: Mapping[int, Sequence[int]]) -> list[int]:
    place = {index: position / max(len(fixed) - 1, 1) for position, index in enumerate(fixed)}

    def mean(position: int, index: int) -> float:
        known = [place[each] for each in neighbours.get(index, ()) if each in place]
        return sum(known) / len(known) if known else position / max(len(row) - 1, 1)

    wanted = {index: mean(position, index) for position, index in enumerate(row)}
    return sorted(row, key=wanted.__getitem__)
