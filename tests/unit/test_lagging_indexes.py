"""What must hold though lists are told late: on AWS an index may show what was there a moment ago."""

from dataclasses import replace

import pytest

from chalicelib.accounts import store as members
from chalicelib.accounts.model import Member, Role
from chalicelib.accounts.tenants import operations as tenants
from chalicelib.accounts.tenants import removal, store, teardown
from chalicelib.accounts.tenants.operations import NewTenant
from chalicelib.jobs import store as job_store
from chalicelib.jobs.actions import Task
from chalicelib.jobs.listing import JobFilters, list_jobs
from chalicelib.jobs.sweeper import sweep_due
from chalicelib.notifications import delivering
from chalicelib.notifications import operations as notifications
from chalicelib.notifications.model import ChannelKind, NoticeKind
from tests import make
from tests.engine import Engine
from tests.generating import Factory
from tests.lagging import LaggingDocuments
from tests.mails import mails

PLATFORM = make.caller("platform", platform_admin=True)


@pytest.fixture
def ports(clock):
    local = make.ports(clock)
    return replace(local, documents=LaggingDocuments(local.documents, clock))


@pytest.fixture
def looms(ports):
    return tenants.create(ports, PLATFORM, NewTenant(organisation="Looms")).tenant_id


@pytest.fixture
def engine(ports, looms):
    engine = Engine(ports)
    engine.me = make.caller(looms, platform_admin=True)
    return engine


def finished(engine):
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    return job_id


def tear_down(engine, looms):
    job_id = removal.delete(engine.ports, engine.me, looms, force=True, confirm="Looms")
    job = job_store.find_job(engine.ports.documents, job_id)
    order = job_store.load_orders(engine.ports.documents, job, [1])[1]
    said = []
    teardown.tear_down(Task(engine.ports, job, order, said.append, lambda: False))
    return said


def test_an_organisation_is_torn_down_to_its_last_piece(ports, engine, looms):
    factory = Factory(ports, engine.me)
    for number in range(3):
        factory.template(name=f"Template {number}")
        factory.seeds()
        member = Member(f"u{number}", f"u{number}@looms.example", looms, Role.VIEWER, ports.clock.now())
        ports.documents.transact([members.put_member(member)])
    ids = [finished(engine) for _ in range(3)]
    said = tear_down(engine, looms)
    assert said[:3] == ["Removed 3 jobs.", "Removed 6 templates, seed data and batches.", "Removed 3 members."]
    left = [job_store.job_key(job_id) for job_id in ids] + [members.member_key(f"u{n}", looms) for n in range(3)]
    assert ports.documents.get_many(left) == [None] * 6
    assert [each.key for each in ports.documents.query(f"tenant#{looms}").items] == [store.tenant_key(looms)]


def test_each_end_of_a_job_is_told_once(ports, engine):
    mail = {"kind": ChannelKind.EMAIL, "target": engine.me.email, "events": [NoticeKind.JOB_FINISHED]}
    notifications.create(ports, engine.me, personal=False, **mail)
    for _ in range(3):
        finished(engine)
    for _ in range(4):
        delivering.deliver(ports)
    assert len(mails(ports)) == 3


def test_a_job_that_nobody_woke_is_found(ports, engine):
    job_id = engine.submit()
    ports.clock.tick(1)
    for _ in range(2):
        sweep_due(ports, engine.orchestrator)
    assert engine.statuses(job_id) == ["dispatching"]


def test_a_list_catches_up(ports, engine):
    job_id = engine.submit()
    pages = [list_jobs(ports, engine.me, JobFilters()) for _ in range(2)]
    assert [[each.job_id for each in page.items] for page in pages] == [[], [job_id]]
