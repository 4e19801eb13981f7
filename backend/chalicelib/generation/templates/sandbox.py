"""The process that compiles and renders prompts, which may be killed at any time.

It reads requests and writes answers as frames: four bytes of length, then JSON. Its memory is limited; each request's
processor time too, softly by an exception and, where a single call into C takes too long, by the kernel's signal.
"""

import hashlib
import os
import resource
import signal
import struct
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import orjson
from jinja2 import FunctionLoader, StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.sandbox import SandboxedEnvironment

from chalicelib.generation.templates import variables
from chalicelib.generation.templates.filters import Chance, filters

MEMORY = 400_000_000
"""Bytes of address space, of which the interpreter takes a fifth."""
SECONDS = 1.0
"""Of processor time for one record; four times as long for compiling."""
LONGEST_PROMPT = 400_000
"""Characters of a rendered prompt."""
LONGEST_VALUE = 2_000_000
"""Characters or items that a multiplication may make."""
MOST_BITS = 10_000
MOST_PROGRAMS = 32
ROOT = ""
"""What the prompts themselves are called; what they include has full names."""
HEAD = struct.Struct(">I")


class TimeUp(BaseException):
    """Not an Exception, so that nothing inside a template can take it for one of its own."""


class Sandbox(SandboxedEnvironment):
    """One program: prompts by step id, and the texts they include."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, program: Mapping[str, Any], chance: Chance) -> None:
        self._sources: Mapping[str, str] = program["includes"]
        self._links: Mapping[str, Mapping[str, str]] = program["links"]
        super().__init__(
            loader=FunctionLoader(self._source),
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=100,
        )
        self.filters.update(filters(chance))
        # It draws words anew each time.
        del self.globals["lipsum"]

    def _source(self, name: str) -> str | None:
        return self._sources.get(name)

    def join_path(self, template: str, parent: str) -> str:
        """The full name of what `parent` calls by a name of its own; ROOT is a prompt."""
        return self._links.get(parent, {}).get(template, template)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        _check_size(operator, left, right)
        return super().call_binop(context, operator, left, right)


def _check_size(operator: str, left: Any, right: Any) -> None:
    if operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, str | bytes | list | tuple) and isinstance(times, int):
                _refuse_if(len(many) * max(times, 0) > LONGEST_VALUE)
        if isinstance(left, int) and isinstance(right, int):
            _refuse_if(left.bit_length() + right.bit_length() > MOST_BITS)
    elif isinstance(left, int) and isinstance(right, int):
        _refuse_if(left.bit_length() * abs(right) > MOST_BITS)


def _refuse_if(too_large: bool) -> None:  # noqa: FBT001 - its only argument
    if too_large:
        raise SecurityError("the result would be too large")


class Program:
    def __init__(self, told: Mapping[str, Any], chance: Chance) -> None:
        self.environment = Sandbox(told, chance)
        self.prompts: Mapping[str, str] = told["prompts"]
        self._templates: dict[str, Template] = {}

    def template(self, step_id: str) -> Template:
        if step_id not in self._templates:
            # Named, unlike one from a string, so that Jinja asks what its includes mean.
            code = self.environment.compile(self.prompts[step_id], ROOT)
            known = self.environment.make_globals(None)
            self._templates[step_id] = Template.from_code(self.environment, code, known)
        return self._templates[step_id]


class Service:
    def __init__(self) -> None:
        self._chance = Chance()
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self.worn = False
        """Memory ran out: what is left of it may be in pieces."""

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        do = request["do"]
        if do == "render":
            return self._render(request)
        with _limited(SECONDS * 4):
            return self._guarded(request)

    def _guarded(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return references(request) if request["do"] == "references" else check(request, self._chance)
        except (MemoryError, TimeUp) as error:
            self.worn = True
            return {"faults": [["", _words(error)]]}
        except Exception as error:  # noqa: BLE001 - whatever a template makes Jinja raise is a fault of that template
            return {"faults": [["", _placed(error)]]}

    def _render(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        key = request["key"]
        if key not in self._programs:
            if "program" not in request:
                return {"unknown": True}
            self._programs[key] = Program(request["program"], self._chance)
            if len(self._programs) > MOST_PROGRAMS:
                self._programs.popitem(last=False)
        self._programs.move_to_end(key)
        program, step_id = self._programs[key], request["step"]
        return {"results": [self._one(program, step_id, *item) for item in request["items"]], "worn": self.worn}

    def _one(
        self, program: Program, step_id: str, record: Mapping[str, Any], seed: int, outputs: Mapping[str, Any]
    ) -> tuple[str, str]:
        self._chance.begin(seed, step_id)
        try:
            with _limited(SECONDS):
                template = program.template(step_id)
                return _render(template, values(record, outputs)), ""
        except (MemoryError, TimeUp) as error:
            self.worn = self.worn or isinstance(error, MemoryError)
            return "", _words(error)
        except Exception as error:  # noqa: BLE001 - a template is its author's program, and may raise anything
            return "", _placed(error)


def values(record: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a prompt can read: fields of the record, `record` itself, and `steps.<id>.output`."""
    fields = nested(record)
    steps = {step_id: {"output": output} for step_id, output in outputs.items()}
    return {**fields, variables.RECORD: fields, variables.STEPS: steps}


def nested(record: Mapping[str, Any]) -> dict[str, Any]:
    """Columns named `author.name` make an `author` with a `name`; a field that is there already stays what it is."""
    fields = dict(record)
    for name in [each for each in record if "." in each]:
        parts = name.split(".")
        place = fields
        for part in parts[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                break
        else:
            place.setdefault(parts[-1], record[name])
    return fields


def _render(template: Template, given: dict[str, Any]) -> str:
    pieces: list[str] = []
    size = 0
    for piece in template.root_render_func(template.new_context(given)):
        size += len(piece)
        if size > LONGEST_PROMPT:
            raise SecurityError(f"the prompt would be longer than {LONGEST_PROMPT:,} characters")
        pieces.append(piece)
    return "".join(pieces)


def references(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The names that the texts include; what is wrong with the texts is for `check` to tell."""
    environment = Sandbox({"includes": {}, "links": {}}, Chance())
    trees = [_parsed(environment, source)[0] for source in request["sources"].values()]
    names = {name for tree in trees if tree is not None for name, _ in variables.references(tree) if name is not None}
    return {"names": sorted(names), "faults": []}


def check(request: Mapping[str, Any], chance: Chance) -> Mapping[str, Any]:
    """Compile all, and find the variables."""
    program = Program(request["program"], chance)
    included = [_found(program, name, source) for name, source in request["program"]["includes"].items()]
    founds: list[variables.Found] = []
    faults: list[tuple[str, str]] = []
    earlier: set[str] = set()
    for step_id, source in program.prompts.items():
        found = _found(program, ROOT, source)
        founds.append(found)
        told = found.faults + [(0, each) for each in _step_faults(found, earlier)]
        faults += [(step_id, f"line {line}: {fault}" if line else fault) for line, fault in told]
        earlier.add(step_id)
    assigned = set().union(*(each.assigned for each in founds))
    for each in included:
        each.reads = {path for path in each.reads if path[0] not in assigned}
        faults += [("", f"in what is included: {fault}") for _, fault in each.faults]
    needed = variables.to_variables([*founds, *included])
    return {"required": needed.required, "optional": needed.optional, "faults": faults}


def _found(program: Program, name: str, source: str) -> variables.Found:
    """What is in a text that also has to compile."""
    tree, fault = _parsed(program.environment, source)
    if tree is None:
        return variables.Found(faults=[(0, fault)])
    faults = [(line, "name what is included in quotes") for each, line in variables.references(tree) if each is None]
    faults += variables.unknown_names(program.environment, tree)
    if faults:
        return variables.Found(faults=faults)
    try:
        program.environment.compile(tree, name)
        return variables.find(program.environment, tree)
    except TemplateSyntaxError as error:
        return variables.Found(faults=[(error.lineno, error.message or "is no Jinja")])
    except (RecursionError, SyntaxError, ValueError):
        return variables.Found(faults=[(0, "is nested too deeply")])


def _parsed(environment: Sandbox, source: str) -> tuple[nodes.Template | None, str]:
    try:
        return environment.parse(source), ""
    except TemplateSyntaxError as error:
        return None, f"line {error.lineno}: {error.message}"
    except RecursionError:
        return None, "is nested too deeply"


def _step_faults(found: variables.Found, earlier: set[str]) -> Iterator[str]:
    for path in sorted(found.reads):
        if path[0] != variables.STEPS or len(path) == 1:
            continue
        if path[1] not in earlier:
            yield f"reads `{'.'.join(path)}`, but no step `{path[1]}` comes before it"
        elif len(path) > 2 and path[2] != "output":  # noqa: PLR2004 - steps.<id>.output
            yield f"reads `{'.'.join(path)}`; a step has an `output` only"


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises TimeUp after so much processor time; the kernel kills this process a second or two later."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 2, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _time_up(*_: object) -> None:
    raise TimeUp


def _words(error: BaseException) -> str:
    return "takes too much memory" if isinstance(error, MemoryError) else "takes too long"


def _placed(error: Exception) -> str:
    """What happened, and in which line of the prompt."""
    said = str(error) or type(error).__name__
    if isinstance(error, RecursionError):
        said = "is nested too deeply"
    elif isinstance(error, TemplateNotFound):
        said = f"there is no `{error.name}` to include"
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line(error)
    return f"line {line}: {said[:500]}" if line else said[:500]


def _line(error: Exception) -> int:
    line, step = 0, error.__traceback__
    while step is not None:
        template = step.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            line = template.get_corresponding_lineno(step.tb_lineno)
            break
        step = step.tb_next
    return line


def key_of(program: Mapping[str, Any]) -> str:
    return hashlib.blake2b(orjson.dumps(program, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """None at the end."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    body = stream.read(HEAD.unpack(head)[0])
    return body if len(body) == HEAD.unpack(head)[0] else None


def write_frame(stream: IO[bytes], body: bytes) -> None:
    stream.write(HEAD.pack(len(body)) + body)
    stream.flush()


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    service = Service()
    while (frame := read_frame(requests)) is not None:
        answer = service.answer(orjson.loads(frame))
        write_frame(answers, orjson.dumps({**answer, "worn": service.worn}))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, _time_up)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    # Nothing that a template could make Python print may get between the frames.
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
