"""A tree of tenants, as one value: every rule about it is checked on one read and kept by one conditional write."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chalicelib.errors import Conflict, Unprocessable

MOST_LEVELS = 5
MOST_TENANTS = 1000


class HierarchyCycle(Conflict):
    type = "hierarchy_cycle"
    title = "A tenant cannot be below itself"


class TooDeep(Unprocessable):
    type = "hierarchy-too-deep"
    title = "The tree of organisations would be too deep"


class TooWide(Unprocessable):
    type = "hierarchy-too-wide"
    title = "The tree of organisations would be too large"


@dataclass(frozen=True, slots=True)
class Tree:
    """`parents` names the parent of every tenant but the root. `version` is its document's; 0 when there is none."""

    root: str
    parents: Mapping[str, str] = field(default_factory=dict)
    version: int = 0

    def __contains__(self, tenant_id: str) -> bool:
        return tenant_id == self.root or tenant_id in self.parents

    def children(self, tenant_id: str) -> list[str]:
        return sorted(child for child, parent in self.parents.items() if parent == tenant_id)

    def above(self, tenant_id: str) -> list[str]:
        """From the root down to its parent."""
        found: list[str] = []
        while tenant_id != self.root:
            tenant_id = self.parents[tenant_id]
            found.insert(0, tenant_id)
        return found

    def level(self, tenant_id: str) -> int:
        """1 for the root."""
        return len(self.above(tenant_id)) + 1

    def leaf_first(self, tenant_id: str) -> Iterator[str]:
        """The tenant and all below it, each after all that are below it."""
        for child in self.children(tenant_id):
            yield from self.leaf_first(child)
        yield tenant_id

    def height(self, tenant_id: str) -> int:
        """Levels from the tenant down; 1 when nothing is below it."""
        return 1 + max((self.height(child) for child in self.children(tenant_id)), default=0)

    def branch(self, tenant_id: str) -> "Tree":
        """The tenant and what is below it, as a tree of its own."""
        inside = set(self.leaf_first(tenant_id)) - {tenant_id}
        return Tree(tenant_id, {child: parent for child, parent in self.parents.items() if child in inside})

    def without(self, tenant_id: str) -> "Tree":
        """What is left when the tenant goes with all that is below it."""
        gone = set(self.leaf_first(tenant_id))
        left = {child: parent for child, parent in self.parents.items() if child not in gone}
        return Tree(self.root, left, self.version)

    def grown(self, branch: "Tree", parent: str) -> "Tree":
        """With another tree below one of ours. Raises HierarchyCycle, TooDeep or TooWide."""
        if parent in branch:
            raise HierarchyCycle("An organisation cannot be placed under itself or under one that is below it.")
        if self.level(parent) + branch.height(branch.root) > MOST_LEVELS:
            raise TooDeep(f"The tree would have more than {MOST_LEVELS} levels.")
        parents = {**self.parents, **branch.parents, branch.root: parent}
        if len(parents) >= MOST_TENANTS:
            raise TooWide(f"The tree would have more than {MOST_TENANTS:,} organisations.")
        return Tree(self.root, parents, self.version)
