"""YAML (and JSON) that people write, read strictly."""

from typing import Any

import yaml

from chalicelib.errors import Fault, Invalid


def read_yaml(text: str) -> Any:
    """Raises Invalid with the place of what is wrong."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise Invalid("The text is neither YAML nor JSON.", [_syntax_fault(error)]) from None
    except (ValueError, RecursionError) as error:
        raise Invalid("The text cannot be read.", [Fault("", str(error) or "is nested too deeply")]) from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML in which a name given twice is a fault and aliases cannot blow up (a `billion laughs` input)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, "aliases (`*name`) are not read; write it out", event.start_mark
            )
        return super().compose_node(parent, index)

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
