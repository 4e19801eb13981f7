import io
from contextlib import suppress

import pytest

from chalicelib.accounts import store as members
from chalicelib.accounts.tenants import operations as tenants
from chalicelib.accounts.tenants import store
from chalicelib.accounts.tenants.model import Limits, Tenant
from chalicelib.documents import ConditionFailed, Exists, Index, Key, Put
from chalicelib.jobs import operations as jobs
from chalicelib.limits import budget, rates, storage
from chalicelib.limits.budget import BudgetReached
from chalicelib.limits.storage import StorageFull
from chalicelib.notifications.notices import OPEN_NOTICES
from tests import make
from tests.engine import Engine

PLATFORM = make.caller(platform_admin=True)


@pytest.fixture
def ports():
    ports = make.ports()
    tenant = Tenant(tenant_id="acme", organisation="Acme", created_at=ports.clock.now())
    ports.documents.transact(store.creation(tenant))
    return ports


def limit(ports, **limits):
    tenants.set_limits(ports, PLATFORM, "acme", lambda _: Limits(**limits))


def take(ports, rate, times=1):
    caller = make.caller(request_rate=rate)
    return [rates.take(ports, caller) for _ in range(times)][-1]


def test_without_a_limit_nothing_is_counted(ports):
    assert take(ports, None) is None


def test_the_headers_of_the_draft(ports):
    assert take(ports, 120, times=2).headers() == {
        "RateLimit-Policy": '"tenant";q=120;w=60',
        "RateLimit": '"tenant";r=118;t=1',
    }


@pytest.fixture
def limited(people):
    platform = people.caller(people.stranger)
    people.ports.documents.transact([members.put_platform_admin(platform.user_id)])
    people.stranger.patch(f"/api/tenants/{people.tenant_id}/limits", {"request_rate": 2})
    return people


def test_too_many_requests_are_refused_and_told_when_to_come_again(limited):
    replies = [limited.owner.get("/api/jobs") for _ in range(3)]
    assert [each.status for each in replies] == [200, 200, 429]
    assert replies[-1].header("Retry-After") == "30"
    told = [each.header("RateLimit") for each in replies]
    assert told == ['"tenant";r=1;t=30', '"tenant";r=0;t=60', '"tenant";r=0;t=60']


def test_pages_are_counted_too(limited):
    limited.owner.get("/api/jobs")
    limited.teammate.get("/api/jobs")
    assert limited.viewer.get("/api/jobs").status == 429


def test_others_are_not_held_up(limited):
    for _ in range(3):
        limited.owner.get("/api/jobs")
    assert limited.stranger.get("/api/jobs").header("RateLimit") is None


def charge(ports, amount):
    ports.documents.transact([budget.charge(ports, "acme", amount)])
    with suppress(BudgetReached):
        budget.check(ports, "acme")
    return budget.month(ports, "acme").spent


def told(ports):
    page = ports.documents.query_index(Index.THIRD, OPEN_NOTICES)
    return sorted(each.body["kind"] for each in page.items)


def test_money_adds_up(ports):
    charge(ports, 5)
    assert charge(ports, 7) == 12


def test_a_charge_counts_with_its_transaction_or_not_at_all(ports):
    with pytest.raises(ConditionFailed):
        ports.documents.transact([budget.charge(ports, "acme", 5), Put(Key("a", "b"), {}, [Exists()])])
    assert budget.month(ports, "acme").spent == 0


def test_money_is_never_given_back(ports):
    with pytest.raises(ValueError, match="never"):
        charge(ports, -1)


@pytest.mark.parametrize(
    ("spent", "kinds"), [(79, []), (80, ["budget.80"]), (99, ["budget.80"]), (100, ["budget.80", "budget.reached"])]
)
def test_alerts_at_80_and_100_percent(ports, spent, kinds):
    limit(ports, monthly_budget=100)
    charge(ports, spent)
    assert told(ports) == kinds


def test_each_alert_comes_once_a_month(ports):
    limit(ports, monthly_budget=100)
    for _ in range(5):
        charge(ports, 40)
    assert told(ports) == ["budget.80", "budget.reached"]


def test_a_new_month_begins_at_nothing(ports):
    limit(ports, monthly_budget=100)
    charge(ports, 100)
    ports.clock.tick(15 * 86_400)
    assert charge(ports, 1) == 1


def test_what_a_crash_kept_from_being_told_is_told_by_the_next_look(ports):
    limit(ports, monthly_budget=100)
    ports.documents.transact([budget.charge(ports, "acme", 90)])
    assert told(ports) == []
    budget.check(ports, "acme")
    assert told(ports) == ["budget.80"]


def test_a_used_up_budget_is_told(ports):
    limit(ports, monthly_budget=2_000_000)
    budget.check(ports, "acme")
    charge(ports, 2_000_000)
    with pytest.raises(BudgetReached, match=r"\$2\.00 of \$2\.00"):
        budget.check(ports, "acme")


def test_what_is_owed_counts_too(ports):
    limit(ports, monthly_budget=100)
    charge(ports, 60)
    budget.check(ports, "acme", owing=39)
    with pytest.raises(BudgetReached):
        budget.check(ports, "acme", owing=40)
    assert told(ports) == []


def leave(ports, octets, job_id="1"):
    ports.objects.put(f"artifacts/acme/{job_id}/file", io.BytesIO(b"x" * octets), replace=True)


def test_storage_is_what_is_there(ports):
    leave(ports, 10)
    assert storage.used(ports, "acme") == 10


def test_what_comes_and_goes_is_counted(ports):
    storage.used(ports, "acme")
    storage.add(ports, "acme", 10)
    storage.add(ports, "acme", -4)
    assert storage.used(ports, "acme") == 6


def test_a_wrong_count_does_not_last(ports):
    storage.used(ports, "acme")
    leave(ports, 10)
    ports.clock.tick(6 * 3600)
    storage.add(ports, "acme", 3)
    assert storage.used(ports, "acme") == 10


def test_a_meter_writes_what_it_gathered_once(ports):
    storage.used(ports, "acme")
    meter = storage.Meter()
    for octets in (3, 4):
        meter.add("acme", octets)
    meter.write(ports)
    meter.write(ports)
    assert storage.used(ports, "acme") == 7


def test_full_storage_takes_no_more_jobs(ports):
    leave(ports, 10)
    with pytest.raises(StorageFull, match="Delete jobs"):
        jobs.submit(ports, make.caller(storage_limit=10), make.request())


def test_a_deleted_job_makes_room(ports):
    engine = Engine(ports)
    job_id = engine.submit()
    engine.look(job_id)
    engine.end(job_id, 1)
    leave(ports, 10, job_id)
    storage.measure(ports, "acme")
    jobs.delete(ports, engine.me, job_id)
    assert storage.used(ports, "acme") == 0


def test_limits_are_seen_by_members_and_set_by_the_platform(limited):
    address = f"/api/tenants/{limited.tenant_id}/limits"
    assert limited.stranger.patch(address, {"concurrency": 5, "request_rate": None}).json["concurrency"] == 5
    assert limited.viewer.get(address).json == {
        "concurrency": 5,
        "monthly_budget": None,
        "request_rate": None,
        "storage": None,
    }
    assert limited.owner.patch(address, {"concurrency": 9}).status == 403


@pytest.mark.parametrize(
    "wrong", [{"concurrency": -1}, {"concurrency": 1001}, {"request_rate": 0}, {"storage": -1}, {"monthly_budget": "1"}]
)
def test_limits_have_bounds(limited, wrong):
    reply = limited.stranger.patch(f"/api/tenants/{limited.tenant_id}/limits", wrong)
    assert (reply.status, [each["place"] for each in reply.json["fields"]]) == (400, list(wrong))


def test_usage_is_seen(limited):
    limited.stranger.patch(f"/api/tenants/{limited.tenant_id}/limits", {"request_rate": None, "concurrency": 2})
    limited.owner.post("/api/jobs", make.submission())
    usage = limited.viewer.get(f"/api/tenants/{limited.tenant_id}/usage").json
    assert (usage["open_jobs"], usage["orders_in_flight"], usage["month"]) == (1, 0, "2026-11")
