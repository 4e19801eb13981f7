"""Which route an address belongs to, as API Gateway decides it: a literal part wins over a parameter.

One difference: the parameter `{path}` at the end of a route takes all that follows, since servers hand addresses over
decoded, and a `%2F` in one cannot be told from a slash any more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

REST = "{path}"


@dataclass(frozen=True, slots=True)
class Match:
    """`parameters` are percent-encoded, as API Gateway hands them over."""

    route: str
    parameters: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    route: str | None = None
    literal: "dict[str, _Node]" = field(default_factory=dict)
    parameter: "_Node | None" = None
    rest: str | None = None


class Routes:
    def __init__(self, routes: Iterable[str]) -> None:
        self._plain: dict[str, Match] = {}
        self._root = _Node()
        for route in routes:
            if "{" in route:
                self._add(route)
            else:
                self._plain[route] = Match(route, {})

    def match(self, path: str) -> Match | None:
        return self._plain.get(path) or self._search(self._root, path.split("/")[1:], 0, ())

    def _add(self, route: str) -> None:
        node = self._root
        parts = route.split("/")[1:]
        for index, part in enumerate(parts):
            if part == REST and index == len(parts) - 1:
                node.rest = route
                return
            if part.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literal.setdefault(part, _Node())
        node.route = route

    def _search(self, node: _Node, parts: list[str], index: int, taken: tuple[str, ...]) -> Match | None:
        if index == len(parts):
            return _match(node.route, taken) if node.route else None
        part = parts[index]
        found = None
        if part in node.literal:
            found = self._search(node.literal[part], parts, index + 1, taken)
        if found is None and node.parameter and part:
            found = self._search(node.parameter, parts, index + 1, (*taken, part))
        if found is None and node.rest and part:
            found = _match(node.rest, (*taken, "/".join(parts[index:])))
        return found


def _match(route: str, taken: tuple[str, ...]) -> Match:
    names = [part[1:-1] for part in route.split("/") if part.startswith("{")]
    return Match(route, {name: quote(value, safe="") for name, value in zip(names, taken, strict=True)})
