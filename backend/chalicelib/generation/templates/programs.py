"""From a template's steps to the program that renders them: what they include is found, and what its texts mean."""

import re
from collections.abc import Iterable, Mapping, Sequence

import orjson

from chalicelib.errors import Fault, Invalid, MillraceError, NotFound
from chalicelib.generation.templates import reading, store
from chalicelib.generation.templates.model import Program, Reference, Step, Template, Variables
from chalicelib.wiring import Ports

MOST_INCLUDED = 50
_NAME = re.compile(r"(?P<what>.+?)(?:@(?P<number>\d{1,9}))?(?:/(?P<step>[A-Za-z][A-Za-z0-9_]*))?", re.DOTALL)


def prepare(ports: Ports, tenant_id: str, steps: Sequence[Step]) -> tuple[Program, Variables, Mapping[str, Reference]]:
    """Raises Invalid with the faults of all steps, placed as in `steps[0].prompt`."""
    names = ports.renderer.references({each.step_id: each.prompt for each in steps})
    includes, faults = resolve(ports, tenant_id, names)
    try:
        program = build(ports, tenant_id, steps, includes)
        variables = ports.renderer.check(program)
    except Invalid as error:
        faults += error.faults
    if faults:
        places = {each.step_id: f"steps[{place}].prompt" for place, each in enumerate(steps)}
        told = [Fault(places.get(each.place, each.place or "steps"), each.message) for each in faults]
        raise Invalid("The template has faults.", told)
    return program, variables, includes


def resolve(ports: Ports, tenant_id: str, names: Iterable[str]) -> tuple[Mapping[str, Reference], list[Fault]]:
    """What each name stands for: `<template>[@version][/step]`, a template by its id or, of one's own, by its name."""
    found: dict[str, Reference] = {}
    faults = []
    for name in names:
        try:
            found[name] = _resolve(ports, tenant_id, name)
        except NotFound as error:
            faults.append(Fault("", f"includes `{name[:100]}`: {error.detail}"))
    return found, faults


def _resolve(ports: Ports, tenant_id: str, name: str) -> Reference:
    match = _NAME.fullmatch(name)
    if match is None:
        raise NotFound("There is no template without a name.")
    template = _find(ports, tenant_id, match["what"])
    version = reading.version_of(ports, template, int(match["number"]) if match["number"] else None)
    step_id = match["step"] or version.steps[0].step_id
    if step_id not in {each.step_id for each in version.steps}:
        raise NotFound(f"Its version {version.number} has no step `{step_id}`.")
    return Reference(template.template_id, version.number, step_id)


def _find(ports: Ports, tenant_id: str, what: str) -> Template:
    named = store.named(ports.documents, tenant_id, what)
    if len(named) > 1:
        raise NotFound(f"{len(named)} templates are called so; name one by its id.")
    return named[0] if named else reading.find(ports, tenant_id, what)


def build(ports: Ports, tenant_id: str, steps: Sequence[Step], includes: Mapping[str, Reference]) -> Program:
    """Raises Invalid when something that is included cannot be read any more, or is too much."""
    sources: dict[str, str] = {}
    links = {"": {name: _full_name(each) for name, each in includes.items()}}
    waiting = list(includes.values())
    while waiting:
        reference = waiting.pop()
        name = _full_name(reference)
        if name in sources:
            continue
        if len(sources) == MOST_INCLUDED:
            raise _fault(f"more than {MOST_INCLUDED} prompts are included")
        sources[name], inner = _source(ports, tenant_id, reference)
        links[name] = {each: _full_name(target) for each, target in inner.items()}
        waiting += inner.values()
    return Program({each.step_id: as_sent(each) for each in steps}, sources, links)


def _source(ports: Ports, tenant_id: str, reference: Reference) -> tuple[str, Mapping[str, Reference]]:
    try:
        template = reading.find(ports, tenant_id, reference.template_id)
        version = reading.version_of(ports, template, reference.version)
    except MillraceError as error:
        raise _fault(f"what is included is gone: {error.detail}") from None
    return version.step(reference.step_id).prompt, version.includes


def as_sent(step: Step) -> str:
    """The prompt with what it says about the wanted form, so that a preview shows all that a model is told."""
    if step.schema is None:
        return step.prompt
    schema = orjson.dumps(step.schema).decode().replace("%", "\\u0025")
    asked = "Answer with JSON alone, without any words around it, that matches this JSON schema:"
    return f"{step.prompt.rstrip()}\n\n{asked}\n{{% raw %}}{schema}{{% endraw %}}"


def _full_name(reference: Reference) -> str:
    return f"{reference.template_id}@{reference.version}/{reference.step_id}"


def _fault(message: str) -> Invalid:
    return Invalid("The prompts have faults.", [Fault("", message)])
