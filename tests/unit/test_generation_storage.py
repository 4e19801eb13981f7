"""What generation keeps counts against the organisation's storage, and is not kept beyond it."""

import pytest

from chalicelib.generation.exports import operations as exports
from chalicelib.generation.jobs.model import Format
from chalicelib.generation.seeds import operations as seeds
from chalicelib.generation.seeds.model import SeedFormat
from chalicelib.jobs import operations as jobs
from chalicelib.limits import storage
from chalicelib.limits.storage import StorageFull
from tests.generating import ONE_STEP, Factory


@pytest.fixture
def factory():
    return Factory()


def used(factory):
    factory.runner.write_usage()
    return storage.used(factory.ports, "acme")


def there(factory):
    return storage.size_of(factory.ports, storage.prefixes("acme"))


def test_seed_data_counts_and_gives_its_room_back(factory):
    seed_data_id = factory.seeds(5000)
    assert used(factory) == there(factory) > 100_000
    seeds.delete(factory.ports, factory.me, seed_data_id)
    assert used(factory) == 0


def test_records_and_exports_count(factory):
    assert used(factory) == 0
    factory.make_it(num_records=120)
    assert 30_000 < there(factory) - 2000 < used(factory) <= there(factory)


def test_a_file_that_does_not_fit_leaves_nothing(factory):
    factory.limit(storage=50_000)
    with pytest.raises(StorageFull, match="needed"):
        factory.seeds(5000)
    assert (used(factory), there(factory)) == (0, 0)


def test_a_link_is_given_for_what_fits_only(factory):
    factory.limit(storage=50_000)
    with pytest.raises(StorageFull):
        seeds.begin_upload(factory.ports, factory.me, name="x", format=SeedFormat.CSV, size=50_001)
    assert seeds.begin_upload(factory.ports, factory.me, name="x", format=SeedFormat.CSV, size=50_000).link


def test_full_storage_takes_no_generation_and_no_export(factory):
    job_id = factory.make_it(num_records=5)
    request = factory.request(num_records=5)
    factory.limit(storage=used(factory))
    with pytest.raises(StorageFull):
        factory.submit(template_id=request.template_id, seed_data_id=request.seed_data_id)
    with pytest.raises(StorageFull):
        exports.export(factory.ports, factory.me, job_id, Format.CSV)


def test_full_storage_stops_a_job_that_goes_on_once_there_is_room(factory):
    template = factory.template([{**ONE_STEP[0], "model": "offline/small+slow=10"}])
    wanted = {"template_id": template, "seed_data_id": factory.seeds(), "num_records": 400}
    whole = factory.dataset(factory.make_it(**wanted))
    factory.limit(storage=used(factory) + 40_000)
    job_id = factory.make_it(**wanted)
    order = jobs.get_order(factory.ports, factory.me, job_id, 1)
    assert (factory.status(job_id), order.status) == ("failed", "failed")
    assert "Delete jobs or seed data" in order.reason
    assert 0 < factory.see(job_id).progress.done < 400
    factory.limit(storage=None)
    factory.advance(job_id, jobs.retry)
    assert factory.dataset(job_id) == whole


def test_an_export_that_does_not_fit_fails_and_leaves_nothing(factory):
    job_id = factory.make_it(num_records=400)
    factory.limit(storage=used(factory) + 10_000)
    export_id = exports.export(factory.ports, factory.me, job_id, Format.CSV).job_id
    factory.run(export_id)
    assert jobs.get_job(factory.ports, factory.me, export_id).status == "failed"
    assert [each.key for each in factory.ports.objects.list(f"artifacts/acme/{export_id}/")] == []
