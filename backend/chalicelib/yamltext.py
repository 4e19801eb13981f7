"""YAML (and JSON) that people write, read strictly."""

from typing import Any, cast

import yaml

from chalicelib.errors import Fault, Invalid

MAX_DEPTH = 40


def read_yaml(text: str) -> Any:
    """Raises Invalid with the place of what is wrong."""
    try:
        _refuse_bombs(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise Invalid("The text is neither YAML nor JSON.", [_syntax_fault(error)]) from None
    except ValueError as error:
        raise Invalid("The text cannot be read.", [Fault("", str(error))]) from None


def _refuse_bombs(text: str) -> None:
    """What would grow when it is built: nesting so deep that libyaml overruns its stack, and aliases of aliases."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="it is nested too deeply", problem_mark=_mark(event))
        if isinstance(event, yaml.AliasEvent):
            problem = f"aliases (`*{event.anchor}`) are not read; write it out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=_mark(event))


def _mark(event: yaml.Event) -> yaml.Mark:
    """The C parser has marks of its own kind; the stubs know only the other."""
    return cast(yaml.Mark, event.start_mark)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which a name given twice is a fault."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - the library's signature
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` stands here twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _syntax_fault(error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return Fault(place, getattr(error, "problem", None) or str(error))
