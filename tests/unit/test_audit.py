import csv
import io
from datetime import timedelta

import pytest

from chalicelib.accounts.model import Origin, Role
from chalicelib.audit import operations
from chalicelib.audit.operations import AuditFilters, harmless
from chalicelib.audit.recording import HIDDEN, entry, told
from chalicelib.errors import NotAllowed, NotFound
from tests import make

ME = make.caller()


def record(ports, action="job.submit", resource="job/1", caller=ME, **more):
    ports.documents.transact([entry(ports.clock, caller, action, resource, **more)])
    ports.clock.tick(1)


def found(ports, caller=ME, limit=50, **filters):
    page = operations.search(ports, caller, caller.tenant_id, AuditFilters(**filters), limit=limit)
    return [(each.action, each.resource) for each in page.items]


def test_an_entry_tells_who_did_what_from_where(ports):
    caller = make.caller(origin=Origin("request-7", "192.0.2.7", "a browser"), key_id="key-1")
    record(ports, "job.cancel", "job/7", caller, before={"status": "running"}, after={"status": "cancelled"})
    [told] = operations.search(ports, caller, "acme", AuditFilters()).items
    assert (told.actor, told.request_id, told.address, told.user_agent, told.key_id) == (
        "ada@acme.example",
        "request-7",
        "192.0.2.7",
        "a browser",
        "key-1",
    )
    assert (told.before, told.after) == ({"status": "running"}, {"status": "cancelled"})


@pytest.mark.parametrize("name", ["password", "secret_env", "api_token", "Webhook-Secret"])
def test_secrets_are_left_out_however_deep(name):
    assert told({"outer": [{name: "hunter2"}]}) == {"outer": [{name: HIDDEN}]}


def test_long_values_are_cut():
    assert told({"text": "x" * 501}) == {"text": f"{'x' * 500}..."}


def test_a_flood_of_values_is_left_out():
    assert set(told({f"name {number}": "x" * 500 for number in range(50)})) == {"left_out"}


def test_the_newest_comes_first(ports):
    record(ports, "job.submit")
    record(ports, "job.cancel")
    assert [action for action, _ in found(ports)] == ["job.cancel", "job.submit"]


@pytest.mark.parametrize("filters", [{"actor": "GRACE@acme.example"}, {"action": "job.cancel"}, {"resource": "job/2"}])
def test_each_filter_finds_its_own(ports, filters):
    record(ports)
    record(ports, "job.cancel", "job/2", make.caller(email="grace@acme.example"))
    assert found(ports, **filters) == [("job.cancel", "job/2")]


def test_filters_hold_together(ports):
    record(ports, "job.submit", "job/1")
    record(ports, "job.cancel", "job/1")
    record(ports, "job.cancel", "job/2")
    assert found(ports, action="job.cancel", resource="job/1") == [("job.cancel", "job/1")]


def test_a_time_bounds_the_search(ports):
    start = ports.clock.now()
    for number in range(4):
        record(ports, resource=f"job/{number}")
    within = {"since": start + timedelta(seconds=1), "until": start + timedelta(seconds=2)}
    assert [resource for _, resource in found(ports, **within)] == ["job/2", "job/1"]
    assert [resource for _, resource in found(ports, action="job.submit", **within)] == ["job/2", "job/1"]


@pytest.mark.parametrize("filters", [{}, {"actor": ME.email}, {"actor": ME.email, "action": "job.submit"}])
def test_pages_follow_each_other(ports, filters):
    for number in range(5):
        record(ports, resource=f"job/{number}")
    seen, cursor = [], None
    while True:
        page = operations.search(ports, ME, "acme", AuditFilters(**filters), limit=2, cursor=cursor)
        seen += [each.resource for each in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"job/{number}" for number in (4, 3, 2, 1, 0)]


def test_a_search_reads_a_bounded_number_of_entries(ports):
    ports.documents.transact([entry(ports.clock, ME, "job.cancel", "job/1")])
    for _ in range(11):
        ports.documents.transact([entry(ports.clock, ME, "job.submit", f"job/{number}") for number in range(100)])
    page = operations.search(ports, ME, "acme", AuditFilters(actor=ME.email, action="job.cancel"))
    assert (len(page.items), page.cursor is None) == (0, False)


def test_strangers_and_viewers_search_nothing(ports):
    with pytest.raises(NotFound):
        operations.search(ports, make.caller("other"), "acme", AuditFilters())
    with pytest.raises(NotAllowed):
        operations.search(ports, make.caller(role=Role.OPERATOR), "acme", AuditFilters())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_nothing_of_it(ports, text):
    record(ports, caller=make.caller(origin=Origin(user_agent=text)))
    rows = list(csv.DictReader(io.StringIO(operations.export(ports, ME, "acme", AuditFilters()).text.decode())))
    assert rows[0]["user_agent"] == f"'{text}"


def test_harmless_text_is_exported_as_it_is():
    assert harmless("job/1") == "job/1"


def test_an_export_goes_on_where_it_stopped(ports):
    large = {f"name {number}": "x" * 400 for number in range(40)}
    for number in range(150):
        record(ports, resource=f"job/{number}", after=large)
    first = operations.export(ports, ME, "acme", AuditFilters())
    rest = operations.export(ports, ME, "acme", AuditFilters(), cursor=first.cursor)
    rows = [list(csv.DictReader(io.StringIO(each.text.decode()))) for each in (first, rest)]
    assert sum(map(len, rows)) == 150
    assert len(first.text) < 4_500_000


def test_the_audit_over_rest(people):
    people.owner.post("/api/jobs", make.submission(), headers={"X-Request-Id": "request-9"})
    audit = people.owner.get(f"/api/tenants/{people.tenant_id}/audit?action=job.submit").json["items"]
    assert [(each["actor"], each["request_id"]) for each in audit] == [("ada@engines.example", "request-9")]


def test_the_export_over_rest(people):
    people.owner.post("/api/jobs", make.submission())
    reply = people.owner.get(f"/api/tenants/{people.tenant_id}/audit/export?action=job.submit")
    assert (reply.header("Content-Type"), reply.text.count("job.submit")) == ("text/csv; charset=utf-8", 1)


def test_the_audit_is_for_admins(people):
    assert people.teammate.get(f"/api/tenants/{people.tenant_id}/audit").status == 403
    assert people.stranger.get(f"/api/tenants/{people.tenant_id}/audit").status == 404
