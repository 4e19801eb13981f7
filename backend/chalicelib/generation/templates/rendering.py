"""Rendering in processes of their own, which may be killed: two of them, kept for many records.

Each has limits of memory and of time; a record that passes one gets a fault, and the process, if it had to be killed,
is replaced. Safe for many threads.
"""

from collections.abc import Sequence

from chalicelib.generation.templates.model import Program, Rendered, RenderItem, Variables


class Renderer:
    """Starts its processes when they are first needed."""

    def __init__(self, processes: int = 2) -> None:
        self._processes = processes

    def check(self, program: Program) -> Variables:
        """Compile all of it and find its variables. Raises Invalid with all faults, placed `steps[0].prompt`."""
        raise NotImplementedError

    def render(self, program: Program, step_id: str, items: Sequence[RenderItem]) -> list[Rendered]:
        """One answer for each item, in their order. Give it a hundred or so at a time: a round trip is 0.1 ms."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
