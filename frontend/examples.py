"""Jobs that are ready to run, offered where somebody writes one."""

from dataclasses import dataclass
from functools import cache

from frontend.rendering import HERE

_ABOUT = (
    ("hello", "Hello", "Three orders, one after the other, and a file to take away."),
    ("chain", "A chain", "Fetch, build, test, ship: each waits for the one before."),
    ("fan", "Fan out, fan in", "Three parts side by side, then their sum."),
    ("optional", "An optional order", "One that may fail, one that is retried, one that always runs."),
)


@dataclass(frozen=True, slots=True)
class Example:
    key: str
    title: str
    about: str
    text: str


@cache
def examples() -> tuple[Example, ...]:
    return tuple(
        Example(key, title, about, (HERE / "examples" / f"{key}.yaml").read_text()) for key, title, about in _ABOUT
    )
