"""What a tenant kept for generation goes with it, and nothing of another's does."""

from chalicelib.generation import clearing
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.definition import parse_definition
from tests import make

DEFINITION = parse_definition({"name": "t", "steps": [{"id": "a", "prompt": "{{ x }}"}]})
OTHER = parse_definition({"name": "u", "steps": [{"id": "a", "prompt": "y"}]})


def kept(ports, caller):
    made = templates.create(ports, caller, DEFINITION)
    templates.edit(
        ports, caller, made.template_id, parse_definition({"name": "u", "steps": [{"id": "a", "prompt": "y"}]})
    )
    templates.try_out(ports, caller, made.template_id, {}, real=True, budget=1_000_000)
    seeds.upload(ports, caller, b"x\n1\n", name="s")


def left(ports, tenant_id):
    objects = [each.key for each in ports.objects.list("") if f"/{tenant_id}/" in each.key]
    documents = [
        each.key
        for partition in (f"seeds#{tenant_id}", f"costs#{tenant_id}")
        for each in ports.documents.query(partition).items
    ]
    return objects + documents


def test_all_of_a_tenant_goes_and_another_s_stays(ports):
    ada, mallory = make.caller("engines"), make.caller("elsewhere")
    kept(ports, ada)
    kept(ports, mallory)
    before = left(ports, "elsewhere")
    assert clearing.clear(ports, "engines") == 2
    assert (left(ports, "engines"), left(ports, "elsewhere")) == ([], before)
    assert templates.list_templates(ports, ada).items == []


def test_clearing_again_removes_nothing(ports):
    kept(ports, make.caller())
    assert (clearing.clear(ports, "acme"), clearing.clear(ports, "acme")) == (2, 0)
