"""What a tenant kept for generation goes with it, and nothing of another's does."""

from chalicelib.documents import Index
from chalicelib.generation import clearing, store
from chalicelib.generation.batches import operations as batches
from chalicelib.generation.batches.request import parse_batch
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.templates import operations as templates
from chalicelib.generation.templates.definition import parse_definition
from chalicelib.jobs import operations as jobs
from tests import make
from tests.generating import Factory

DEFINITION = parse_definition({"name": "t", "steps": [{"id": "a", "prompt": "{{ x }}"}]})
OTHER = parse_definition({"name": "u", "steps": [{"id": "a", "prompt": "y"}]})


def kept(ports, caller):
    made = templates.create(ports, caller, DEFINITION)
    templates.edit(
        ports, caller, made.template_id, parse_definition({"name": "u", "steps": [{"id": "a", "prompt": "y"}]})
    )
    templates.try_out(ports, caller, made.template_id, {}, real=True, budget=1_000_000)
    seed_data = seeds.upload(ports, caller, b"x\n1\n", name="s")
    base = {"template_id": made.template_id, "seed_data_id": seed_data.seed_data_id, "model": "offline/small"}
    batch = {"name": "b", "base": base, "sweep_key": "num_records", "values": [1, 2], "budget_limit": 1}
    batches.submit(ports, caller, parse_batch(batch))


def left(ports, tenant_id):
    """Without jobs: those are the engine's to remove."""
    kept = (each.key for each in ports.objects.list("") if f"/{tenant_id}/" in each.key)
    objects = [each for each in kept if not each.startswith("artifacts/")]
    documents = [
        each.key
        for partition in (f"seeds#{tenant_id}", f"costs#{tenant_id}")
        for each in ports.documents.query(partition).items
    ]
    indexes = (f"batches#{tenant_id}", f"templates#{tenant_id}")
    indexed = [each.key for index in indexes for each in ports.documents.query_index(Index.FIRST, index).items]
    return objects + documents + indexed


def test_all_of_a_tenant_goes_and_another_s_stays(ports):
    ada, mallory = make.caller("engines"), make.caller("elsewhere")
    kept(ports, ada)
    kept(ports, mallory)
    before = left(ports, "elsewhere")
    assert clearing.clear(ports, "engines") == 3
    assert (left(ports, "engines"), left(ports, "elsewhere")) == ([], before)
    assert templates.list_templates(ports, ada).items == []


def test_clearing_again_removes_nothing(ports):
    kept(ports, make.caller())
    assert (clearing.clear(ports, "acme"), clearing.clear(ports, "acme")) == (3, 0)


def test_a_job_takes_its_records_its_ledger_and_its_files_with_it():
    factory = Factory()
    job_id = factory.make_it(num_records=60)
    assert list(factory.ports.objects.list("artifacts/acme/"))
    jobs.delete(factory.ports, factory.me, job_id)
    assert list(factory.ports.objects.list("artifacts/acme/")) == []
    assert factory.ports.documents.query(store.partition(job_id)).items == []
