"""Files too large to be read within a request: a job reads them."""

from dataclasses import replace

import pytest

from chalicelib.errors import NotFound
from chalicelib.generation.seeds import operations
from chalicelib.generation.seeds.model import SeedStatus
from chalicelib.generation.seeds.records import Records
from chalicelib.jobs import operations as jobs
from chalicelib.limits import storage
from frontend.views.words import size
from tests import make
from tests.generating import Factory
from tests.pages import signed_in
from tests.people import People

LINES = 80_000
LINE = b"a line that is long enough and has its number to tell it from the others: %d\n"
LARGE = b"text\n" + b"".join(LINE % number for number in range(LINES))
assert len(LARGE) > operations.AT_ONCE


class MeddledObjects:
    """A store where somebody does something once a file has been read."""

    def __init__(self, objects):
        self._objects = objects
        self.meanwhile = None

    def __getattr__(self, name):
        return getattr(self._objects, name)

    def read(self, key, *, start=0):
        yield from self._objects.read(key, start=start)
        if self.meanwhile:
            self.meanwhile()


class Sender(Factory):
    def complete(self, seed_data_id):
        return operations.complete(self.ports, self.me, seed_data_id)


@pytest.fixture
def sender():
    ports = make.ports()
    return Sender(replace(ports, objects=MeddledObjects(ports.objects)))


def test_a_small_file_is_read_at_once(sender):
    assert sender.complete(sender.put_file(b"a\n1\n")).status is SeedStatus.READY


def test_a_large_file_is_read_by_a_job(sender):
    asked = sender.complete(sender.put_file(LARGE))
    assert (asked.status, asked.size) == (SeedStatus.CHECKING, len(LARGE))
    sender.run(asked.job_id)
    found = sender.seed_data(asked.seed_data_id)
    assert (found.status, found.record_count, found.fields) == (SeedStatus.READY, LINES, ("text",))
    assert jobs.get_job(sender.ports, sender.me, asked.job_id).status == "succeeded"
    assert Records(sender.ports.objects, "acme", found.seed_data_id, LINES).get(LINES - 1)["text"].endswith("79999")


def test_the_file_goes_once_its_records_are_kept(sender):
    asked = sender.complete(sender.put_file(LARGE))
    sender.run(asked.job_id)
    with pytest.raises(NotFound):
        sender.ports.objects.info(f"uploads/acme/{asked.seed_data_id}")
    assert storage.used(sender.ports, "acme") > len(LARGE)


def test_faults_are_told_and_nothing_is_kept(sender):
    asked = sender.complete(sender.put_file(LARGE + b"one,too many\n"))
    sender.run(asked.job_id)
    found = sender.seed_data(asked.seed_data_id)
    assert (found.status, found.faults[0].place) == (SeedStatus.FAULTY, f"line {LINES + 2}")
    assert list(sender.ports.objects.list("seeds/")) == []


def test_what_the_storage_does_not_hold_is_a_fault(sender):
    asked = sender.complete(sender.put_file(LARGE))
    sender.limit(storage=len(LARGE) + 1000)
    sender.run(asked.job_id)
    assert "Delete jobs or seed data" in sender.seed_data(asked.seed_data_id).faults[0].message


def test_asking_twice_makes_one_job(sender):
    asked = sender.complete(sender.put_file(LARGE))
    assert sender.complete(asked.seed_data_id).job_id == asked.job_id


def test_a_cancelled_check_can_be_asked_for_again(sender):
    asked = sender.complete(sender.put_file(LARGE))
    jobs.cancel(sender.ports, sender.me, asked.job_id)
    sender.run(asked.job_id)
    again = sender.complete(asked.seed_data_id)
    sender.run(again.job_id)
    assert sender.seed_data(asked.seed_data_id).status is SeedStatus.READY


def test_seed_data_that_is_deleted_meanwhile_leaves_nothing(sender):
    asked = sender.complete(sender.put_file(LARGE))
    sender.ports.objects.meanwhile = lambda: operations.delete(sender.ports, sender.me, asked.seed_data_id)
    sender.run(asked.job_id)
    assert jobs.get_order(sender.ports, sender.me, asked.job_id, 1).reason == "The seed data was deleted."
    assert [each.key for each in sender.ports.objects.list("") if not each.key.startswith("logs/")] == []


def test_the_answer_names_the_job_and_the_page_shows_how_far_it_is():
    people = People(Factory().ports)
    begun = people.owner.post("/api/seed-data/link", {"name": "Large", "format": "csv"}).json
    people.nobody.put(begun["link"], body=LARGE)
    reply = people.owner.post(f"/api/seed-data/{begun['seed_data_id']}/complete")
    assert (reply.status, reply.json["status"]) == (202, "checking")
    assert people.owner.get(reply.header("Location")).json["kind"] == "seeds"
    words = signed_in(people, people.owner).get(f"/seeds/{begun['seed_data_id']}").words
    assert "Being read" in words
    assert f"0 bytes of {size(len(LARGE))}" in words
