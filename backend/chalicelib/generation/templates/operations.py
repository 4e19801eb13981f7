"""What a caller can do with templates. One of another tenant that is not shared is NotFound."""

from dataclasses import replace

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import Absent, ConditionFailed
from chalicelib.errors import Conflict, NotAllowed, PreconditionFailed
from chalicelib.generation.templates import comparing, listing, programs, reading, store
from chalicelib.generation.templates.definition import TemplateDefinition, to_yaml
from chalicelib.generation.templates.listing import Scope
from chalicelib.generation.templates.model import (
    Checked,
    Origin,
    Program,
    Section,
    Template,
    TemplatePage,
    Version,
    VersionPage,
)
from chalicelib.generation.templates.trying import preview, try_out
from chalicelib.wiring import Ports

__all__ = [
    "Scope",
    "check",
    "create",
    "delete",
    "diff",
    "edit",
    "export",
    "fork",
    "get_template",
    "get_version",
    "list_templates",
    "list_versions",
    "load_program",
    "preview",
    "restore",
    "share",
    "try_out",
]


def create(ports: Ports, caller: Caller, definition: TemplateDefinition, *, template_id: str | None = None) -> Template:
    """Raises Invalid with all faults: of the definition, of its Jinja, of what it includes."""
    require(caller, Permission.TEMPLATES_WRITE)
    draft = _prepared(ports, caller, definition)
    return _begin(ports, caller, draft, template_id=template_id, is_public=bool(definition.is_public))


def check(ports: Ports, caller: Caller, definition: TemplateDefinition) -> Checked:
    """What saving it would find, without saving. Raises as `create` does."""
    require(caller, Permission.TEMPLATES_READ)
    return Checked(programs.prepare(ports, caller.tenant_id, definition.to_steps())[1])


def get_template(ports: Ports, caller: Caller, template_id: str) -> Template:
    require(caller, Permission.TEMPLATES_READ)
    return reading.find(ports, caller.tenant_id, template_id)


def get_version(ports: Ports, caller: Caller, template_id: str, number: int | None = None) -> Version:
    """The current one without a number."""
    return reading.version_of(ports, get_template(ports, caller, template_id), number)


def list_templates(
    ports: Ports,
    caller: Caller,
    *,
    scope: Scope = Scope.OWN,
    text: str = "",
    category: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> TemplatePage:
    """The last changed first."""
    require(caller, Permission.TEMPLATES_READ)
    wanted = listing.Wanted(caller.tenant_id, scope, text.casefold(), category.casefold())
    return listing.list_templates(ports, wanted, limit=limit, cursor=cursor)


def list_versions(
    ports: Ports, caller: Caller, template_id: str, *, limit: int = 50, cursor: str | None = None
) -> VersionPage:
    template = get_template(ports, caller, template_id)
    if template.is_system:
        return VersionPage([listing.line_of(reading.version_of(ports, template))], None)
    return VersionPage(*store.version_lines(ports.documents, template_id, limit=limit, cursor=cursor))


def edit(
    ports: Ports,
    caller: Caller,
    template_id: str,
    definition: TemplateDefinition,
    *,
    expected_version: int | None = None,
) -> Template:
    """The next version, or the same when nothing differs.

    Raises PreconditionFailed when the current one is not `expected_version`.
    """
    template = _own(ports, caller, template_id)
    if expected_version not in (None, template.version):
        raise PreconditionFailed(f"It is at version {template.version} by now, and you changed {expected_version}.")
    is_public = template.is_public if definition.is_public is None else definition.is_public
    current = reading.version_of(ports, template)
    draft = _prepared(ports, caller, definition)
    if _content(draft) == _content(current):
        return share(ports, caller, template_id, is_public=is_public)
    return _continue(ports, caller, replace(template, is_public=is_public), draft)


def restore(ports: Ports, caller: Caller, template_id: str, number: int) -> Template:
    """The next version, with the content of an earlier one."""
    template = _own(ports, caller, template_id)
    earlier = reading.version_of(ports, template, number)
    if number == template.version:
        raise Conflict(f"Version {number} is the current one already.")
    return _continue(ports, caller, template, replace(earlier, note=f"restored from version {number}"))


def diff(ports: Ports, caller: Caller, template_id: str, old: int, new: int) -> list[Section]:
    """Only what differs."""
    template = get_template(ports, caller, template_id)
    return comparing.compare(reading.version_of(ports, template, old), reading.version_of(ports, template, new))


def share(ports: Ports, caller: Caller, template_id: str, *, is_public: bool) -> Template:
    template = _own(ports, caller, template_id)
    if template.is_public == is_public:
        return template
    after = replace(template, is_public=is_public)
    action = "template.share" if is_public else "template.unshare"
    told = entry(ports.clock, caller, action, f"template/{template_id}", after={"name": template.name})
    try:
        ports.documents.transact([store.put_head(after), told])
    except ConditionFailed:
        raise _changed() from None
    return replace(after, revision=after.revision + 1)


def fork(
    ports: Ports, caller: Caller, template_id: str, *, number: int | None = None, new_id: str | None = None
) -> Template:
    """A copy of one's own, which remembers where it came from."""
    require(caller, Permission.TEMPLATES_WRITE)
    origin = reading.find(ports, caller.tenant_id, template_id)
    version = reading.version_of(ports, origin, number)
    lineage = Origin(origin.template_id, version.number, version.name)
    draft = replace(version, note=f"forked from {version.name}, version {version.number}")
    return _begin(ports, caller, draft, template_id=new_id, is_public=False, forked_from=lineage)


def export(ports: Ports, caller: Caller, template_id: str, number: int | None = None) -> str:
    """YAML that `definition.parse_yaml` reads again."""
    return to_yaml(get_version(ports, caller, template_id, number))


def delete(ports: Ports, caller: Caller, template_id: str) -> None:
    """With all its versions. Jobs that use it already go on."""
    template = _own(ports, caller, template_id)
    told = entry(ports.clock, caller, "template.delete", f"template/{template_id}", before={"name": template.name})
    first, *rest = store.removal(ports.documents, template)
    try:
        ports.documents.transact([*first, told])
    except ConditionFailed:
        raise _changed() from None
    for writes in rest:
        ports.documents.transact(writes)
    ports.objects.delete_prefix(store.objects_prefix(template.tenant_id, template_id))


def load_program(ports: Ports, tenant_id: str, template_id: str, number: int) -> tuple[Version, Program]:
    """What a run needs, read for a tenant: NotFound unless it may still read the template, Invalid for an include."""
    version = reading.version_of(ports, reading.find(ports, tenant_id, template_id), number)
    return version, programs.build(ports, tenant_id, version.steps, version.includes)


def _prepared(ports: Ports, caller: Caller, definition: TemplateDefinition) -> Version:
    """A version to be, found without faults; its id and number are yet to be given."""
    steps = definition.to_steps()
    _, variables, includes = programs.prepare(ports, caller.tenant_id, steps)
    return Version(
        template_id="",
        number=0,
        name=definition.name,
        description=definition.description,
        category=definition.category,
        steps=steps,
        variables=variables,
        includes=includes,
        created_at=ports.clock.now(),
        created_by=caller.email,
    )


def _content(version: Version) -> tuple[object, ...]:
    return version.name, version.description, version.category, version.steps, version.includes


def _begin(
    ports: Ports,
    caller: Caller,
    draft: Version,
    *,
    template_id: str | None,
    is_public: bool,
    forked_from: Origin | None = None,
) -> Template:
    now = ports.clock.now()
    template = Template(
        template_id=template_id or ports.clock.new_id(),
        tenant_id=caller.tenant_id,
        name=draft.name,
        description=draft.description,
        category=draft.category,
        version=1,
        step_count=len(draft.steps),
        variables=draft.variables,
        is_public=is_public,
        forked_from=forked_from,
        created_at=now,
        created_by=caller.email,
        updated_at=now,
        updated_by=caller.email,
        revision=1,
    )
    try:
        _write(ports, caller, template, draft, "template.create", Absent())
    except ConditionFailed:
        # The same request once more, with the id that its Idempotency-Key claimed.
        return reading.find(ports, caller.tenant_id, template.template_id)
    return template


def _continue(ports: Ports, caller: Caller, template: Template, draft: Version) -> Template:
    after = replace(
        template,
        name=draft.name,
        description=draft.description,
        category=draft.category,
        version=template.version + 1,
        step_count=len(draft.steps),
        variables=draft.variables,
        updated_at=ports.clock.now(),
        updated_by=caller.email,
    )
    try:
        _write(ports, caller, after, draft, "template.edit")
    except ConditionFailed:
        raise _changed() from None
    return replace(after, revision=after.revision + 1)


def _write(ports: Ports, caller: Caller, template: Template, draft: Version, action: str, *conditions: Absent) -> None:
    version = replace(
        draft,
        template_id=template.template_id,
        number=template.version,
        created_at=template.updated_at,
        created_by=caller.email,
    )
    steps = store.steps_object(template, version.number, ports.clock.new_id())
    store.write_steps(ports.objects, steps, version.steps)
    after = {"name": version.name, "version": version.number, "steps": [each.step_id for each in version.steps]}
    told = entry(ports.clock, caller, action, f"template/{template.template_id}", after=after)
    ports.documents.transact([store.put_head(template, *conditions), store.put_version(version, steps), told])


def _own(ports: Ports, caller: Caller, template_id: str) -> Template:
    require(caller, Permission.TEMPLATES_WRITE)
    template = reading.find(ports, caller.tenant_id, template_id)
    if template.tenant_id != caller.tenant_id:
        raise NotAllowed("It belongs to others, who share it: fork it, and change your copy.")
    return template


def _changed() -> PreconditionFailed:
    return PreconditionFailed("Somebody else changed it at this moment. Read it again, then repeat the change.")
