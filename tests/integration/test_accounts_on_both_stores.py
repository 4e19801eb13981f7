"""What the second half of accounts asks of a store, on both of them."""

import pytest

from chalicelib.accounts.tenants import operations as tenants
from chalicelib.accounts.tenants import store
from chalicelib.accounts.tenants.model import Limits, Tenant
from chalicelib.audit.operations import AuditFilters, export, search
from chalicelib.limits import budget
from chalicelib.notifications import delivering, operations
from chalicelib.notifications.model import ChannelKind, DeliveryStatus, NoticeKind
from tests import make
from tests.engine import Engine

pytestmark = pytest.mark.integration

ME, PLATFORM = make.caller(), make.caller(platform_admin=True)


@pytest.fixture
def engine(ports):
    tenant = Tenant(tenant_id="acme", organisation="Acme", created_at=ports.clock.now())
    ports.documents.transact(store.creation(tenant))
    return Engine(ports)


def test_the_audit_is_searched_by_each_of_its_indexes(ports, engine):
    job_id = engine.submit()
    engine.submit()
    for filters in ({"resource": f"job/{job_id}"}, {"resource": f"job/{job_id}", "actor": ME.email}):
        assert len(search(ports, ME, "acme", AuditFilters(**filters)).items) == 1
    for filters in ({}, {"actor": ME.email}, {"action": "job.submit"}):
        page = search(ports, ME, "acme", AuditFilters(**filters), limit=1)
        rest = search(ports, ME, "acme", AuditFilters(**filters), cursor=page.cursor)
        assert (len(page.items), len(rest.items)) == (1, 1)
    assert export(ports, ME, "acme", AuditFilters()).text.count(b"job.submit") == 2


def test_places_of_orders_are_taken_and_given_back(ports, engine):
    tenants.set_limits(ports, PLATFORM, "acme", lambda _: Limits(concurrency=1))
    job_id = engine.submit(make.order(), make.order())
    engine.look(job_id)
    assert engine.statuses(job_id) == ["dispatching", "queued"]
    engine.end(job_id, 1)
    engine.end(job_id, 2)
    assert engine.job(job_id).status == "succeeded"


def test_money_adds_up_and_is_told_once(ports, engine):
    tenants.set_limits(ports, PLATFORM, "acme", lambda _: Limits(monthly_budget=100))
    for _ in range(2):
        ports.documents.transact([budget.charge(ports, "acme", 45)])
        budget.check(ports, "acme")
    found = budget.month(ports, "acme")
    assert (found.spent, found.alerted) == (90, 80)


def test_a_notice_is_delivered(ports, engine):
    channel, _ = operations.create(
        ports,
        ME,
        kind=ChannelKind.EMAIL,
        target=ME.email,
        events=[NoticeKind.JOB_FINISHED],
        personal=False,
    )
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    delivering.deliver(ports)
    [sent] = operations.list_deliveries(ports, ME, channel.channel_id, personal=False).items
    assert (sent.status, sent.event) == (DeliveryStatus.DELIVERED, NoticeKind.JOB_FINISHED)
