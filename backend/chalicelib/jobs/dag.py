"""The graph of a job's orders: names to numbers, faults, layers. Pure."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from chalicelib.errors import Fault


class Node(Protocol):
    """What the graph needs of an order as submitted."""

    @property
    def order_name(self) -> str | None: ...
    @property
    def queue_id(self) -> str | None: ...
    @property
    def dependencies(self) -> Sequence[int | str]: ...


def name_of(number: int, node: Node) -> str:
    return node.order_name or f"order-{number:04d}"


def resolve(nodes: Sequence[Node]) -> list[tuple[int, ...]]:
    """The numbers (from 1) that each order depends on. References must be known; see `faults`."""
    look_up = _Names(nodes)
    return [
        tuple(sorted({each for reference in node.dependencies for each in look_up.numbers(reference, number)}))
        for number, node in enumerate(nodes, 1)
    ]


def count_dependencies(nodes: Sequence[Node]) -> int:
    """How many there are once every queue_id is resolved, without resolving it: they could be millions."""
    look_up = _Names(nodes)
    return sum(look_up.size(reference) for node in nodes for reference in node.dependencies)


def faults(nodes: Sequence[Node]) -> Iterator[Fault]:
    """Duplicate names, unknown references, and one cycle, with its path."""
    look_up = _Names(nodes)
    first: dict[str, int] = {}
    known = True
    for index, node in enumerate(nodes):
        name = name_of(index + 1, node)
        if name in first:
            yield Fault(f"orders[{index}].order_name", f"`{name}` is the name of orders[{first[name]}] already")
        first.setdefault(name, index)
        for position, reference in enumerate(node.dependencies):
            if not look_up.numbers(reference, index + 1):
                known = False
                yield Fault(
                    f"orders[{index}].dependencies[{position}]",
                    f"`{reference}` is neither the name, the number nor the queue_id of another order",
                )
    if known and (cycle := find_cycle(resolve(nodes))):
        path = " -> ".join(name_of(number, nodes[number - 1]) for number in cycle)
        yield Fault(f"orders[{cycle[0] - 1}].dependencies", f"they wait for each other in a circle: {path}")


def find_cycle(dependencies: Sequence[Sequence[int]]) -> list[int]:
    """The numbers on a cycle, its first one repeated at the end; empty when there is none."""
    rest = set(range(1, len(dependencies) + 1)) - {number for layer in layers(dependencies) for number in layer}
    if not rest:
        return []
    number, path = min(rest), list[int]()
    while number not in path:
        path.append(number)
        number = next(each for each in dependencies[number - 1] if each in rest)
    return [*path[path.index(number) :], number]


def layers(dependencies: Sequence[Sequence[int]]) -> list[list[int]]:
    """Order numbers by their depth: the first layer depends on nothing. Numbers on or behind a cycle are left out."""
    missing = {number: len(set(needed)) for number, needed in enumerate(dependencies, 1)}
    after = dependants(dependencies)
    layer = [number for number, count in missing.items() if not count]
    found = []
    while layer:
        found.append(layer)
        following = []
        for number in layer:
            for each in after[number - 1]:
                missing[each] -= 1
                if not missing[each]:
                    following.append(each)
        layer = sorted(following)
    return found


def dependants(dependencies: Sequence[Sequence[int]]) -> list[list[int]]:
    """For each order, the numbers of those that wait for it directly."""
    after: list[list[int]] = [[] for _ in dependencies]
    for number, needed in enumerate(dependencies, 1):
        for each in set(needed):
            after[each - 1].append(number)
    return after


def descendants(dependencies: Sequence[Sequence[int]], roots: Sequence[int]) -> set[int]:
    """The roots and all that wait for them, directly or not."""
    after = dependants(dependencies)
    found, ahead = set(roots), list(roots)
    while ahead:
        for each in after[ahead.pop() - 1]:
            if each not in found:
                found.add(each)
                ahead.append(each)
    return found


def longest_chain(weights: Sequence[int], dependencies: Sequence[Sequence[int]]) -> int:
    """The largest sum of weights along a path."""
    ends = [0] * len(weights)
    for layer in layers(dependencies):
        for number in layer:
            before = max((ends[each - 1] for each in dependencies[number - 1]), default=0)
            ends[number - 1] = before + weights[number - 1]
    return max(ends, default=0)


class _Names:
    """Looks references up: a name wins over a queue_id, and that over a number in digits."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._count = len(nodes)
        self._names = {name_of(number, node): number for number, node in enumerate(nodes, 1)}
        self._queues: dict[str, list[int]] = {}
        for number, node in enumerate(nodes, 1):
            if node.queue_id:
                self._queues.setdefault(node.queue_id, []).append(number)

    def size(self, reference: int | str) -> int:
        """About how many orders the reference stands for; unknown ones for one."""
        return len(self._queues.get(str(reference), ())) or 1

    def numbers(self, reference: int | str, asker: int) -> list[int]:
        """Nothing for an unknown reference. A queue_id stands for its other orders, not for the asker."""
        if isinstance(reference, int):
            return [reference] if 1 <= reference <= self._count else []
        if reference in self._names:
            return [self._names[reference]]
        if reference in self._queues:
            return [number for number in self._queues[reference] if number != asker]
        if reference.isascii() and reference.isdigit() and len(reference) <= 6:  # noqa: PLR2004 - more orders than any job
            return self.numbers(int(reference), asker)
        return []
