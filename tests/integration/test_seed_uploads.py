"""Files by signed links at home, of the largest kind."""

import io

import pytest

from chalicelib.errors import Invalid
from chalicelib.generation.seeds import operations
from chalicelib.generation.seeds.model import LARGEST, SeedFormat, SeedStatus
from chalicelib.generation.seeds.records import Records
from tests import make
from tests.people import People

pytestmark = pytest.mark.integration


@pytest.fixture
def home():
    return make.ports()


class Repeated(io.RawIOBase):
    """A large file that is not in memory: a line again and again."""

    def __init__(self, head, line, times):
        self.head, self.line, self.left = head, line * 1000, times // 1000

    def read(self, _=-1):
        if self.head:
            head, self.head = self.head, b""
            return head
        if not self.left:
            return b""
        self.left -= 1
        return self.line


def test_a_file_that_was_put_to_its_link_is_read(home):
    people = People(home)
    begun = people.owner.post("/api/seed-data/link", {"name": "Large", "format": "csv"}).json
    assert people.nobody.put(begun["link"], body=b"name\nAda\n").status == 200
    done = people.owner.post(f"/api/seed-data/{begun['seed_data_id']}/complete").json
    assert (done["status"], done["record_count"]) == ("ready", 1)


def test_a_million_records_are_kept_and_each_is_found(home):
    made = operations.upload(home, make.caller(), Repeated(b"n,text\n", b"1,some words\n", 1_000_000), name="x")
    records = Records(home.objects, made.tenant_id, made.seed_data_id, made.record_count)
    assert made.record_count == 1_000_000
    assert records.get(999_999) == {"n": "1", "text": "some words"}


def test_one_more_than_a_million_is_refused(home):
    with pytest.raises(Invalid) as caught:
        operations.upload(home, make.caller(), Repeated(b"n\n1\n", b"1\n", 1_000_000), name="x")
    assert "more than 1,000,000 records" in caught.value.faults[0].message


def test_a_file_that_is_too_large_is_faulty(home):
    caller = make.caller()
    begun = operations.begin_upload(home, caller, name="x", format=SeedFormat.CSV).seed_data
    home.objects.put(
        f"uploads/{caller.tenant_id}/{begun.seed_data_id}", Repeated(b"n\n", b"x" * 1000 + b"\n", LARGEST // 1000)
    )
    done = operations.complete(home, caller, begun.seed_data_id)
    assert (done.status, done.faults[0].message) == (SeedStatus.FAULTY, "The file is larger than 100,000,000 bytes.")


def test_a_link_takes_no_more_than_was_said(home):
    people = People(home)
    begun = people.owner.post("/api/seed-data/link", {"name": "Small", "format": "csv", "size": 8}).json
    assert people.nobody.put(begun["link"], body=b"name\nAda\n").status == 413
    assert people.nobody.put(begun["link"], body=b"name\nAda").status == 200


def test_no_link_takes_more_than_the_largest_file(home):
    begun = People(home).owner.post("/api/seed-data/link", {"name": "Huge", "format": "csv", "size": LARGEST + 1})
    assert (begun.status, begun.json["fields"][0]["place"]) == (400, "size")
