"""Organisations on the running product: real workers, real orders."""

import time
from datetime import datetime
from itertools import pairwise

import pytest

from tests import make
from tests.performance.account import sign_up
from tests.product import running

pytestmark = pytest.mark.integration

WHY = "Closed over the summer"
PATIENCE = 60


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with running(tmp_path_factory.mktemp("tenants") / "data", slots=2, web_processes=1) as product:
        yield product


@pytest.fixture
def ada(product):
    account = sign_up(product)
    yield account
    account.http.close()


@pytest.fixture
def platform(product):
    """Who runs the platform."""
    account = sign_up(product)
    product.make_platform_admin(account.email)
    yield account
    account.http.close()


def answer(account, method, path, **more):
    reply = account.http.request(method, path, **more)
    assert reply.is_success, reply.text
    return reply.json() if reply.content else None


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)
    return found


def orders_of(account, job_id):
    return answer(account, "GET", f"/api/jobs/{job_id}")["orders"]


def sleeper(seconds, count=1, **fields):
    return make.submission(*[make.order(cmds=[f"sleep {seconds}"]) for _ in range(count)], **fields)


@pytest.fixture
def parked(ada):
    """Two orders run; then the organisation is parked, with more of them waiting."""
    job_id = ada.submit(sleeper(2, count=5))
    until(lambda: states(ada, job_id)[:2] == ["running", "running"])
    answer(ada, "POST", f"/api/tenants/{ada.tenant_id}/park", json={"reason": WHY})
    return job_id


def states(account, job_id):
    return [each["status"] for each in orders_of(account, job_id)]


def test_orders_of_a_parked_organisation_wait_while_those_that_run_end(ada, parked):
    until(lambda: states(ada, parked)[:2] == ["succeeded", "succeeded"])
    until(lambda: orders_of(ada, parked)[4]["reason"] == "waits: the organisation is parked")
    time.sleep(1)
    assert set(states(ada, parked)[2:]) <= {"queued", "dispatching"}
    assert ada.http.post("/api/jobs", json=sleeper(0)).status_code == 403


def test_they_go_on_afterwards(ada, parked):
    until(lambda: states(ada, parked)[:2] == ["succeeded", "succeeded"])
    answer(ada, "POST", f"/api/tenants/{ada.tenant_id}/unpark")
    assert ada.ended(parked)["status"] == "succeeded"


@pytest.fixture
def family(platform):
    """An organisation with another below it and a job that runs."""
    tenant = answer(platform, "POST", "/api/tenants", json={"organisation_name": f"Gone {platform.tenant_id}"})
    below = {"organisation_name": f"Below {platform.tenant_id}", "parent_tenant_id": tenant["tenant_id"]}
    answer(platform, "POST", "/api/tenants", json=below)
    inside = {"X-Tenant-Id": tenant["tenant_id"]}
    job_id = answer(platform, "POST", "/api/jobs", json=sleeper(50), headers=inside)["job_id"]
    yield tenant["tenant_id"], [below["organisation_name"], tenant["organisation_name"]]
    platform.http.patch(f"/api/jobs/{job_id}", json={"status": "cancelled"}, headers=inside)


def test_what_is_active_keeps_an_organisation(platform, family):
    refused = platform.http.delete(f"/api/tenants/{family[0]}")
    assert refused.status_code == 422
    assert "1 organisation below it, 1 open job" in refused.json()["detail"]


def test_a_deleted_organisation_is_torn_down_leaf_first_by_a_job(platform, family):
    tenant_id, names = family
    forced = {"force": "true", "confirm": names[1]}
    job_id = answer(platform, "DELETE", f"/api/tenants/{tenant_id}", params=forced)["job_id"]
    job = until(lambda: _ended(platform, job_id, {"X-Tenant-Id": tenant_id}))
    orders = sorted(job["orders"], key=lambda each: each["started_at"])
    assert (job["status"], [each["order_name"] for each in orders]) == ("succeeded", names)
    assert answer(platform, "GET", f"/api/tenants/{tenant_id}")["status"] == "deprovisioned"
    left = answer(platform, "GET", "/api/jobs", headers={"X-Tenant-Id": tenant_id})["items"]
    assert [each["job_id"] for each in left] == [job_id]
    assert answer(platform, "POST", "/api/tenants", json={"organisation_name": names[1]})["status"] == "active"


def _ended(account, job_id, headers):
    job = answer(account, "GET", f"/api/jobs/{job_id}", headers=headers)
    return job if job["status"] in ("succeeded", "failed", "timed_out", "cancelled") else None


def test_no_more_orders_are_in_flight_than_the_limit_allows(ada, platform):
    answer(platform, "PATCH", f"/api/tenants/{ada.tenant_id}/limits", json={"concurrency": 1})
    job_ids = [ada.submit(sleeper(0.2, count=3)) for _ in range(2)]
    spans = []
    for job_id in job_ids:
        assert ada.ended(job_id)["status"] == "succeeded"
        spans += [(each["started_at"], each["ended_at"]) for each in orders_of(ada, job_id)]
    spans.sort()
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_what_orders_leave_counts_and_full_storage_takes_no_more(ada, platform):
    before = answer(ada, "GET", f"/api/tenants/{ada.tenant_id}/usage")["storage"]
    left = make.submission(make.order(cmds=["head -c 5000 /dev/zero > file"], outputs=["file"]))
    assert ada.ended(ada.submit(left))["status"] == "succeeded"
    until(lambda: answer(ada, "GET", f"/api/tenants/{ada.tenant_id}/usage")["storage"] >= before + 5000)
    answer(platform, "PATCH", f"/api/tenants/{ada.tenant_id}/limits", json={"storage": 6000})
    full = ada.ended(ada.submit(left))
    assert (full["status"], "storage is full" in full["orders"][0]["reason"]) == ("failed", True)
    answer(platform, "PATCH", f"/api/tenants/{ada.tenant_id}/limits", json={"storage": 100})
    refused = ada.http.post("/api/jobs", json=left)
    assert (refused.status_code, refused.json()["type"]) == (422, "/api/docs#storage-full")


def test_one_tenant_s_10_000_orders_do_not_keep_another_s_first_one_waiting(tmp_path):
    seconds = 2
    with running(tmp_path / "data", slots=2, web_processes=1) as product:
        crowd, ada = sign_up(product), sign_up(product)
        flood = [crowd.submit(sleeper(seconds, count=2000, max_parallel=1000)) for _ in range(5)]
        until(lambda: "running" in states(crowd, flood[0]))
        job = ada.ended(ada.submit(make.submission()))
        for account in (crowd, ada):
            account.http.close()
    waited = moment(job["orders"][0]["started_at"]) - moment(job["created_at"])
    assert waited.total_seconds() < seconds + 1


def moment(text):
    return datetime.fromisoformat(text)
