"""Who reaches what: the caller, the tenant, its state, the member and the permission, on both stores."""

import pytest

from chalicelib.accounts import store
from tests.client import Client

pytestmark = pytest.mark.integration

JOB = {"orders": [{"cmds": ["true"], "timeout": 60}]}
PARK = {"reason": "Closed over the summer"}


@pytest.fixture
def job(people):
    """A job of Engines."""
    reply = people.owner.post("/api/jobs", JOB)
    assert reply.status == 201, reply.text
    return f"/api/jobs/{reply.json['job_id']}"


@pytest.fixture
def platform(people):
    caller = people.caller(people.stranger)
    people.ports.documents.transact([store.put_platform_admin(caller.user_id)])
    return people.stranger


def tenant(people, rest=""):
    return f"/api/tenants/{people.tenant_id}{rest}"


def in_engines(people):
    return {"X-Tenant-Id": people.tenant_id}


def park(people):
    assert people.owner.post(tenant(people, "/park"), PARK).status == 200


def key_of(people, client, **fields):
    made = client.post("/api/user/keys", {"name": "a", "role": "viewer", **fields})
    assert made.status == 201, made.text
    return Client(people.wsgi, made.json["key"])


def test_it_works(people, job):
    assert [each.get(job).status for each in (people.owner, people.teammate, people.viewer)] == [200, 200, 200]


@pytest.mark.parametrize("rest", ["", "/events", "/orders/1/log", "/orders/1/artifacts", "/retry"])
def test_a_stranger_sees_nothing_of_a_job(people, job, rest):
    assert people.stranger.get(job + rest).status == 404


def test_a_stranger_changes_nothing_of_a_job(people, job):
    statuses = [
        people.stranger.patch(job, {"status": "cancelled"}).status,
        people.stranger.post(f"{job}/retry").status,
        people.stranger.post(f"{job}/clone").status,
        people.stranger.delete(job).status,
    ]
    assert statuses == [404, 404, 404, 404]
    assert people.owner.get(job).json["status"] == "queued"


def test_a_stranger_s_list_and_search_hold_nothing_of_others(people, job):
    assert people.stranger.get("/api/jobs").json["items"] == []
    assert people.stranger.get(f"/api/jobs?text={job.rpartition('/')[2]}").json["items"] == []


def test_many_at_once_are_no_way_around(people, job):
    body = {"action": "cancel", "job_ids": [job.rpartition("/")[2]]}
    assert [each["ok"] for each in people.stranger.post("/api/jobs/bulk", body).json["items"]] == [False]
    assert people.owner.get(job).json["status"] == "queued"


@pytest.mark.parametrize("rest", ["", "/members", "/invitations", "/units"])
def test_another_tenant_in_the_path_is_not_there(people, rest):
    reply = people.stranger.get(tenant(people, rest))
    assert (reply.status, reply.json["detail"]) == (404, f"There is no organisation {people.tenant_id}.")


def test_a_tenant_that_is_there_and_one_that_is_not_look_alike(people):
    there, nowhere = people.stranger.get(tenant(people)), people.stranger.get("/api/tenants/01M7WD7TG0000000000000000Z")
    assert (there.status, there.json["title"]) == (nowhere.status, nowhere.json["title"])


def test_another_tenant_in_the_header_is_not_there(people, job):
    assert people.stranger.get(job, headers=in_engines(people)).status == 404
    assert people.stranger.post("/api/jobs", JOB, headers=in_engines(people)).status == 404


def test_path_and_header_must_agree(people):
    theirs = people.caller(people.stranger).tenant_id
    reply = people.owner.get(tenant(people, "/members"), headers={"X-Tenant-Id": theirs})
    assert reply.status == 400


def test_in_each_tenant_one_has_the_role_of_that_tenant(people, job):
    people.owner.post(tenant(people, "/members"), {"email": "mallory@elsewhere.example", "role": "viewer"})
    assert people.stranger.get(job, headers=in_engines(people)).status == 200
    assert people.stranger.post("/api/jobs", JOB, headers=in_engines(people)).status == 403
    assert people.stranger.post("/api/jobs", JOB).status == 201


def test_a_member_of_two_does_not_mix_them(people, job):
    people.owner.post(tenant(people, "/members"), {"email": "mallory@elsewhere.example", "role": "admin"})
    assert people.stranger.get(job).status == 404


def test_viewers_only_look(people, job):
    statuses = [
        people.viewer.post("/api/jobs", JOB).status,
        people.viewer.patch(job, {"status": "cancelled"}).status,
        people.viewer.delete(job).status,
        people.viewer.post(tenant(people, "/members"), {}).status,
    ]
    assert statuses == [403, 403, 403, 403]


def test_operators_run_jobs_and_manage_nobody(people, job):
    assert people.teammate.patch(job, {"status": "cancelled"}).status == 202
    assert people.teammate.post(tenant(people, "/invitations"), {}).status == 403


def test_a_right_that_is_missing_is_told_before_faults_of_the_input(people):
    assert people.viewer.post("/api/jobs", {"nonsense": 1}).status == 403


def test_a_removed_member_reaches_nothing_any_more(people, job):
    user_id = people.caller(people.teammate).user_id
    people.owner.delete(tenant(people, f"/members/{user_id}"))
    assert people.teammate.get(job).status == 401
    assert people.teammate.get(tenant(people, "/members")).status == 404


def test_in_a_parked_tenant_admins_look(people, job):
    park(people)
    assert [people.owner.get(each).status for each in (job, "/api/jobs", tenant(people, "/members"))] == [200] * 3


def test_in_a_parked_tenant_nothing_is_created(people, job):
    park(people)
    replies = [
        people.owner.post("/api/jobs", JOB),
        people.owner.post(f"{job}/clone"),
        people.owner.post(tenant(people, "/members"), {"email": "mallory@elsewhere.example", "role": "viewer"}),
        people.owner.post(tenant(people, "/invitations"), {"email": "new@engines.example", "role": "viewer"}),
        people.owner.post("/api/user/keys", {"name": "a", "role": "viewer"}),
    ]
    assert {(each.status, each.json["type"]) for each in replies} == {(403, "/api/docs#tenant-asleep")}


def test_in_a_parked_tenant_the_others_are_out(people, job):
    park(people)
    assert [each.get(job).status for each in (people.teammate, people.viewer)] == [403, 403]


def test_only_admins_sign_in_to_a_parked_tenant(people):
    park(people)
    bodies = [
        {"email": f"{name}@engines.example", "password": "correct horse battery"} for name in ("ada", "grace", "edsger")
    ]
    assert [people.nobody.post("/api/login", each).status for each in bodies] == [200, 403, 403]


def test_a_key_sleeps_with_its_tenant(people, job):
    program = key_of(people, people.teammate)
    park(people)
    sleeping = program.get(job).status
    people.owner.post(tenant(people, "/unpark"))
    assert (sleeping, program.get(job).status) == (403, 200)


def test_who_is_elsewhere_too_goes_on_there(people):
    people.owner.post(tenant(people, "/members"), {"email": "mallory@elsewhere.example", "role": "viewer"})
    park(people)
    assert people.stranger.get("/api/jobs").status == 200
    assert people.stranger.get("/api/jobs", headers=in_engines(people)).status == 403


def test_all_goes_on_after_unparking(people, job):
    park(people)
    assert people.owner.post(tenant(people, "/unpark")).status == 200
    assert people.teammate.post("/api/jobs", JOB).status == 201


def test_a_suspended_tenant_cannot_wake_itself(people, platform):
    assert people.owner.post(tenant(people, "/suspend"), PARK).status == 403
    assert platform.post(tenant(people, "/suspend"), PARK).status == 200
    assert people.owner.post(tenant(people, "/resume")).status == 403
    assert people.owner.get(tenant(people)).json["status"] == "suspended"


def test_platform_admins_reach_every_tenant(people, platform, job):
    assert platform.get(job, headers=in_engines(people)).status == 200
    assert platform.get(tenant(people, "/members")).status == 200


def test_platform_admins_see_one_tenant_at_a_time(people, platform, job):
    assert platform.get(job).status == 404


def test_platform_admins_create_nothing_in_a_parked_tenant_either(people, platform):
    park(people)
    assert platform.post("/api/jobs", JOB, headers=in_engines(people)).status == 403


def test_a_key_of_a_platform_admin_is_none_of_the_platform(people, platform):
    program = key_of(people, platform, role="admin")
    assert program.get(tenant(people)).status == 404
    assert platform.get("/api/tenants").status == 200
    assert program.post(tenant(people, "/suspend"), PARK).status == 404
