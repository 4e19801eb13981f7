import io

import pytest

from chalicelib.accounts import store as members
from chalicelib.accounts.model import Member, Role
from chalicelib.accounts.tenants import operations, removal, store, teardown
from chalicelib.accounts.tenants.operations import NewTenant
from chalicelib.audit.operations import AuditFilters, search
from chalicelib.documents import Range
from chalicelib.errors import Conflict, Unprocessable
from chalicelib.jobs import operations as jobs
from chalicelib.jobs import store as job_store
from chalicelib.jobs.actions import Stopped, Task
from tests import make
from tests.engine import Engine


class Closing:
    """A tenant that is deleted, with a job that has ended, a file and a member, and the job that tears it down."""

    def __init__(self, ports):
        self.ports = ports
        platform = make.caller("platform", platform_admin=True)
        self.tenant = operations.create(ports, platform, NewTenant(organisation="Looms"))
        self.tenant_id = self.tenant.tenant_id
        self.me = make.caller(self.tenant_id, platform_admin=True)
        ports.documents.transact(
            [members.put_member(Member("u", "jo@looms.example", self.tenant_id, Role.VIEWER, ports.clock.now()))]
        )
        self.engine = Engine(ports)
        self.engine.me = self.me
        self.old_job = self.engine.submit()
        self.engine.look(self.old_job)
        self.engine.end(self.old_job, 1)
        ports.objects.put(f"artifacts/{self.tenant_id}/{self.old_job}/file", io.BytesIO(b"x"))
        self.job_id = removal.delete(ports, self.me, self.tenant_id, force=True, confirm="Looms")
        self.said = []

    def tear_down(self, stopped=lambda: False):
        job = job_store.find_job(self.ports.documents, self.job_id)
        order = job_store.load_orders(self.ports.documents, job, [1])[1]
        teardown.tear_down(Task(self.ports, job, order, self.said.append, stopped))


@pytest.fixture
def closing(ports):
    return Closing(ports)


def test_all_that_was_the_tenant_s_is_gone(closing):
    closing.tear_down()
    documents = closing.ports.documents
    assert [each.key for each in documents.query(f"tenant#{closing.tenant_id}", Range()).items] == [
        store.tenant_key(closing.tenant_id)
    ]
    assert members.get_member(documents, "u", closing.tenant_id) is None
    assert documents.get(job_store.job_key(closing.old_job)) is None
    assert list(closing.ports.objects.list("artifacts/")) == []


def test_the_audit_stays(closing):
    closing.tear_down()
    actions = [each.action for each in search(closing.ports, closing.me, closing.tenant_id, AuditFilters()).items]
    assert actions == ["tenant.delete", "job.submit", "tenant.create"]


def test_the_name_is_free_afterwards_and_not_before(closing):
    platform = make.caller("platform", platform_admin=True)
    assert store.name_is_taken(closing.ports.documents, "Looms")
    closing.tear_down()
    assert operations.create(closing.ports, platform, NewTenant(organisation="Looms")).status == "active"


def test_tearing_down_again_after_a_crash_does_no_harm(closing):
    closing.tear_down()
    platform = make.caller("platform", platform_admin=True)
    successor = operations.create(closing.ports, platform, NewTenant(organisation="Looms"))
    closing.tear_down()
    found = closing.ports.documents.get(store.organisation_key("Looms"))
    assert found.body["tenant_id"] == successor.tenant_id


def test_a_stop_ends_it_at_once(closing):
    with pytest.raises(Stopped):
        closing.tear_down(stopped=lambda: True)


def test_its_job_is_shown_and_not_submitted_again(closing):
    assert jobs.get_orders(closing.ports, closing.me, closing.job_id)[0].name == "Looms"
    with pytest.raises(Conflict, match="Millrace made this job"):
        jobs.submission_of(closing.ports, closing.me, closing.job_id)


def test_a_deleted_tenant_is_not_deleted_again(closing):
    with pytest.raises(Unprocessable, match="is deprovisioned"):
        removal.delete(closing.ports, closing.me, closing.tenant_id, force=True, confirm="Looms")
