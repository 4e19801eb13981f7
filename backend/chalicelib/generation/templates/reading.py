"""Templates as a tenant may read them: its own, those that are shared, and those that ship."""

from chalicelib.errors import NotFound
from chalicelib.generation.templates import store
from chalicelib.generation.templates.model import Template, Version
from chalicelib.generation.templates.shipped import shipped
from chalicelib.wiring import Ports


def find(ports: Ports, tenant_id: str, template_id: str) -> Template:
    """Raises NotFound, also for what the tenant may not read."""
    if template_id in shipped():
        return shipped()[template_id][0]
    found = store.get_template(ports.documents, template_id)
    if found is None or not (found.is_public or found.tenant_id == tenant_id):
        raise NotFound(f"There is no template {template_id[:100]}.")
    return found


def version_of(ports: Ports, template: Template, number: int | None = None) -> Version:
    """The current one without a number. Raises NotFound."""
    wanted = template.version if number is None else number
    if template.is_system:
        found = shipped()[template.template_id][1] if wanted == 1 else None
    else:
        found = store.get_version(ports.documents, ports.objects, template.template_id, wanted) if wanted > 0 else None
    if found is None:
        raise NotFound(f"The template {template.name} has no version {wanted}; it has {template.version}.")
    return found
