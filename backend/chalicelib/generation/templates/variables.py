"""Which fields of a record a prompt reads, found in its syntax tree."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jinja2 import Environment, meta, nodes

from chalicelib.generation.templates.model import Variables

RECORD, STEPS = "record", "steps"
"""`record` is the whole record, for names that are no identifiers; `steps` holds the outputs of earlier steps."""
_DEFAULTS, _TESTS = {"default", "d"}, {"defined", "undefined"}
Path = tuple[str, ...]


@dataclass(slots=True)
class Found:
    """`reads` are paths of names that come from outside; `spared` those that may be missing."""

    reads: set[Path] = field(default_factory=set)
    spared: set[Path] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)
    faults: list[tuple[int, str]] = field(default_factory=list)


def find(environment: Environment, tree: nodes.Template) -> Found:
    found = Found()
    outside = meta.find_undeclared_variables(tree) - environment.globals.keys()
    found.assigned = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "store"}
    for each in tree.iter_child_nodes():
        _visit(each, outside, found)
    return found


def references(tree: nodes.Template) -> Iterator[tuple[str | None, int]]:
    """What it includes, extends or imports; None for a name that is not a plain text."""
    kinds = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    for each in tree.find_all(kinds):
        named = each.template  # type: ignore[attr-defined]  # all four have one
        constant = isinstance(named, nodes.Const) and isinstance(named.value, str)
        yield (named.value if constant else None), each.lineno


def to_variables(founds: Iterable[Found]) -> Variables:
    reads: set[Path] = set()
    spared: set[Path] = set()
    for each in founds:
        reads |= each.reads
        spared |= each.spared
    read = {path for path in map(_field, reads) if path}
    free = {path for path in map(_field, spared) if path}
    optional = {path for path in read | free if any(path[: len(each)] == each for each in free)}
    return Variables(_named(read - optional), _named(optional))


def _field(path: Path) -> Path:
    if path[0] == STEPS:
        return ()
    return path[1:] if path[0] == RECORD else path


def _named(paths: set[Path]) -> tuple[str, ...]:
    """Without those that longer ones say better: `author` beside `author.name`."""
    longest = [path for path in paths if not any(other[: len(path)] == path for other in paths - {path})]
    return tuple(sorted(".".join(path) for path in longest))


def _visit(node: nodes.Node, outside: set[str], found: Found) -> None:
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem) and (path := _path(node)):
        if path[0] in outside:
            found.reads.add(path)
        return
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # A method, as in `title.upper()`: what is read is what it belongs to.
        _visit(node.node.node, outside, found)
        rest: Iterable[nodes.Node] = node.iter_child_nodes(exclude=("node",))
    else:
        rest = node.iter_child_nodes()
    if isinstance(node, nodes.Filter | nodes.Test) and node.name in _DEFAULTS | _TESTS:
        path = _path(node.node) if node.node is not None else ()
        if path and path[0] in outside:
            found.spared.add(path)
    for each in rest:
        _visit(each, outside, found)


def _path(node: nodes.Node) -> Path:
    """The names of `a.b['c']`; empty for anything that is more than names."""
    if isinstance(node, nodes.Name):
        return (node.name,) if node.ctx == "load" else ()
    if isinstance(node, nodes.Getattr):
        inner = _path(node.node)
        return (*inner, node.attr) if inner else ()
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        inner = _path(node.node)
        return (*inner, node.arg.value) if inner else ()
    return ()


def unknown_names(environment: Environment, tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Filters and tests that are not there. Jinja looks for those inside an `if` only when they are used."""
    for each in tree.find_all((nodes.Filter, nodes.Test)):
        filter_ = isinstance(each, nodes.Filter)
        known = environment.filters if filter_ else environment.tests
        if each.name not in known:
            yield each.lineno, f"there is no {'filter' if filter_ else 'test'} `{each.name}`"
