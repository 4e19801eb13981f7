"""Uploads that are never completed."""

import pytest

from chalicelib import handlers
from chalicelib.errors import NotFound
from chalicelib.generation.seeds import operations
from chalicelib.generation.seeds.model import SeedStatus
from chalicelib.generation.seeds.sweeper import sweep_uploads
from tests.generating import Factory

LARGE = b"text\n" + b"a line of some words\n" * 300_000
assert len(LARGE) > operations.AT_ONCE


class Sender(Factory):
    def is_there(self, seed_data_id):
        try:
            return bool(self.ports.objects.info(f"uploads/{self.me.tenant_id}/{seed_data_id}"))
        except NotFound:
            return False

    def wait(self, hours):
        self.ports.clock.tick(hours * 3600)


@pytest.fixture
def sender():
    return Sender()


def test_a_file_that_nobody_completes_is_removed_after_a_day(sender):
    late = sender.put_file(b"a\n1\n")
    sender.wait(25)
    assert sweep_uploads(sender.ports) == 1
    found = sender.seed_data(late)
    assert (found.status, found.faults[0].message) == (
        SeedStatus.FAULTY,
        "The upload was not completed within a day; upload the file again.",
    )
    assert not sender.is_there(late)


def test_one_that_may_still_be_completed_is_left(sender):
    begun = sender.put_file(b"a\n1\n")
    sender.wait(23)
    assert sweep_uploads(sender.ports) == 0
    assert operations.complete(sender.ports, sender.me, begun).status is SeedStatus.READY


def test_what_was_read_is_left(sender):
    read = sender.put_file(b"a\n1\n")
    operations.complete(sender.ports, sender.me, read)
    sender.wait(25)
    assert sweep_uploads(sender.ports) == 0
    assert operations.first_records(sender.ports, sender.me, read) == [{"a": "1"}]


def test_one_that_a_job_still_reads_is_left_until_it_ends(sender):
    asked = operations.complete(sender.ports, sender.me, sender.put_file(LARGE))
    sender.wait(25)
    assert sweep_uploads(sender.ports) == 0
    sender.run(asked.job_id)
    assert sender.seed_data(asked.seed_data_id).status.ended


def test_one_is_given_up_once(sender):
    sender.put_file(b"a\n1\n")
    sender.wait(25)
    assert [sweep_uploads(sender.ports), sweep_uploads(sender.ports)] == [1, 0]


def test_the_schedule_of_aws_gives_them_up_too(sender):
    late = sender.put_file(b"a\n1\n")
    sender.wait(25)
    handlers.on_schedule(sender.ports, {}, None)
    assert not sender.is_there(late)
