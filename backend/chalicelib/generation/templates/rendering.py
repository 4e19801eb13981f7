"""Rendering in processes of their own, which may be killed: a few, kept for many records.

A record that passes the limits of memory or time gets a fault, and the process, if that killed it, is replaced.
Safe for many threads.
"""

import queue
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from chalicelib.errors import Fault, Invalid
from chalicelib.generation.templates import sandbox
from chalicelib.generation.templates.model import Program, Rendered, RenderItem, Variables

BATCH = 50
PATIENCE = 60.0
"""Seconds without an answer after which a process is killed: by then it should have been stopped by its own limits."""
_START = "import sys; sys.path[:] = sys.argv[1:]; from chalicelib.generation.templates.sandbox import main; main()"
KNOWN = 64
KILLED = "takes too much time or memory"


_LIBRARIES = {"LD_LIBRARY_PATH": "/var/lang/lib"} if sys.base_prefix == "/var/lang" else {}
"""Lambda's interpreter is told by the environment where its own parts are."""


class _Died(Exception):
    """The process passed a limit in a way that it could not tell any more."""


class _Unsendable(Exception):
    """A value is nested so deep that it cannot be written down."""


class _Process:
    def __init__(self) -> None:
        # Without the environment and its secrets, whatever a template might find its way to.
        self._popen = subprocess.Popen(  # noqa: S603 - this interpreter, with our own code
            [sys.executable, "-I", "-S", "-c", _START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_LIBRARIES,
            cwd="/",
            start_new_session=True,
        )
        assert self._popen.stdin  # noqa: S101 - for the type checker: pipes were asked for
        assert self._popen.stdout  # noqa: S101 - the same
        self._requests, self._answers = self._popen.stdin, self._popen.stdout
        self.worn = False

    def ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises _Died or _Unsendable."""
        try:
            body = orjson.dumps(request)
        except TypeError:
            raise _Unsendable from None
        try:
            sandbox.write_frame(self._requests, body)
        except BrokenPipeError:
            raise _Died from None
        if not select.select([self._answers], [], [], PATIENCE)[0]:
            raise _Died
        frame = sandbox.read_frame(self._answers)
        if frame is None:
            raise _Died
        answer: Mapping[str, Any] = orjson.loads(frame)
        self.worn = answer["worn"]
        return answer

    @property
    def ended(self) -> bool:
        return self._popen.poll() is not None

    def close(self) -> None:
        self._popen.kill()
        self._popen.wait()
        self._answers.close()
        try:
            self._requests.close()
        except BrokenPipeError:
            # Part of a request was still to be written when the process died.
            return


class Renderer:
    """Starts its processes when they are first needed."""

    def __init__(self, processes: int = 2) -> None:
        # Last in, first out: one that is loaded and warm before one that is to be started.
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._known: dict[int, tuple[Program, Mapping[str, Any], str]] = {}
        for _ in range(processes):
            self._free.put(None)

    def references(self, sources: Mapping[str, str]) -> list[str]:
        """Names that the texts include. Texts with faults include nothing here: `check` tells them."""
        answer = self._ask({"do": "references", "sources": sources})
        _refuse(answer)
        return list(answer["names"])

    def check(self, program: Program) -> Variables:
        """Compile all of it and find its variables. Raises Invalid with all faults, placed by step ids."""
        answer = self._ask({"do": "check", "program": _told(program)})
        _refuse(answer)
        return Variables(tuple(answer["required"]), tuple(answer["optional"]))

    def render(self, program: Program, step_id: str, items: Sequence[RenderItem]) -> list[Rendered]:
        """One answer for each item, in their order. A round trip takes a tenth of a millisecond: give it many items."""
        told, key = self._keyed(program)
        results: list[Rendered] = []
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            try:
                results += self._batch(told, key, step_id, batch)
            except (_Died, _Unsendable):
                results += [self._alone(told, key, step_id, each) for each in batch]
        return results

    def _keyed(self, program: Program) -> tuple[Mapping[str, Any], str]:
        """What a process is told, and the name it keeps it by; made once for a program that is used again and again."""
        known = self._known.get(id(program))
        if known is None or known[0] is not program:
            told = _told(program)
            known = (program, told, sandbox.key_of(told))
            if len(self._known) >= KNOWN:
                self._known = {}
            self._known[id(program)] = known
        return known[1], known[2]

    def close(self) -> None:
        """Ends the processes that are free; new ones are started when they are needed again."""
        for _ in range(self._free.qsize()):
            process = self._free.get()
            self._free.put(None)
            if process:
                process.close()

    def _alone(self, told: Mapping[str, Any], key: str, step_id: str, item: RenderItem) -> Rendered:
        try:
            return self._batch(told, key, step_id, [item])[0]
        except _Died:
            return Rendered("", KILLED)
        except _Unsendable:
            return Rendered("", "reads a value that is nested too deeply")

    def _batch(self, told: Mapping[str, Any], key: str, step_id: str, items: Sequence[RenderItem]) -> list[Rendered]:
        request = {
            "do": "render",
            "key": key,
            "step": step_id,
            "items": [(each.record, each.seed, each.outputs) for each in items],
        }
        with self._borrowed() as process:
            answer = process.ask(request)
            if "unknown" in answer:
                answer = process.ask({**request, "program": told})
        return [Rendered(prompt, fault) for prompt, fault in answer["results"]]

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            with self._borrowed() as process:
                return process.ask(request)
        except _Died:
            return {"faults": [("", KILLED)]}

    @contextmanager
    def _borrowed(self) -> Iterator[_Process]:
        """A process for one exchange; its place is filled anew when it comes back dead or worn."""
        process = self._free.get()
        whole = False
        try:
            if process and process.ended:
                # Killed from outside while nobody used it, which no template is to be blamed for.
                process.close()
                process = None
            process = process or _Process()
            yield process
            whole = not process.worn
        finally:
            if process and not whole:
                process.close()
            self._free.put(process if whole else None)


def _told(program: Program) -> dict[str, Any]:
    return {"prompts": program.prompts, "includes": program.includes, "links": program.links}


def _refuse(answer: Mapping[str, Any]) -> None:
    if answer["faults"]:
        raise Invalid("The prompts have faults.", [Fault(place, message) for place, message in answer["faults"]])
