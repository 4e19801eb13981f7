"""Tenants over REST, on both stores."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.accounts import store as members
from chalicelib.accounts.model import TenantStatus
from chalicelib.accounts.tenants import operations, store
from chalicelib.accounts.tenants.model import TRANSITIONS, WrongState, check_transition
from chalicelib.accounts.tenants.operations import NewTenant
from chalicelib.errors import Conflict
from tests import make

pytestmark = pytest.mark.integration

WHY = "Closed over the summer"


@pytest.fixture
def platform(people):
    """Who runs the platform: somebody of a tenant of theirs."""
    caller = people.caller(people.stranger)
    people.ports.documents.transact([members.put_platform_admin(caller.user_id)])
    return people.stranger


def made(platform, **fields):
    reply = platform.post("/api/tenants", {"organisation_name": "Looms", **fields})
    assert reply.status == 201, reply.text
    return reply.json


def places(reply):
    return [each["place"] for each in reply.json["fields"]]


def test_creating_a_tenant(platform):
    reply = platform.post("/api/tenants", {"organisation_name": "Looms", "contact_email": "jo@looms.example"})
    assert (reply.status, reply.header("Location")) == (201, f"/api/tenants/{reply.json['tenant_id']}")
    assert (reply.json["status"], reply.json["environment"]) == ("active", "prod")


def test_a_tenant_is_there_once_it_is_made(platform):
    tenant = made(platform, environment="dev", metadata={"region": "north"})
    assert platform.get(f"/api/tenants/{tenant['tenant_id']}").json == tenant


def test_all_faults_of_a_tenant_come_at_once(platform):
    reply = platform.post("/api/tenants", {"organisation_name": "x", "contact_email": "no"})
    assert (reply.status, places(reply)) == (400, ["organisation_name", "contact_email"])


@pytest.mark.parametrize("environment", ["test", "PROD", ""])
def test_there_are_three_environments(platform, environment):
    reply = platform.post("/api/tenants", {"organisation_name": "Looms", "environment": environment})
    assert (reply.status, places(reply)) == (400, ["environment"])


def test_metadata_has_a_limit(platform):
    reply = platform.post("/api/tenants", {"organisation_name": "Looms", "metadata": {"long": "x" * 10_000}})
    assert places(reply) == ["metadata"]


@pytest.mark.parametrize("name", ["Engines", "ENGINES", " engines "])
def test_a_name_is_given_once_whoever_asks(platform, name):
    reply = platform.post("/api/tenants", {"organisation_name": name})
    assert (reply.status, reply.json["type"]) == (409, "/api/docs#organisation-taken")


def test_a_repeated_creation_makes_one_tenant(platform):
    key = {"Idempotency-Key": "once"}
    replies = [platform.post("/api/tenants", {"organisation_name": "Looms"}, headers=key) for _ in range(2)]
    assert replies[0].json == replies[1].json


def test_fifty_creations_of_one_name_at_once_make_one_tenant(ports):
    caller = make.caller("platform", platform_admin=True)

    def create(_):
        try:
            return operations.create(ports, caller, NewTenant(organisation="Looms")).tenant_id
        except Conflict:
            return None

    with ThreadPoolExecutor(10) as pool:
        won = [each for each in pool.map(create, range(50)) if each]
    assert len(won) == 1
    assert ports.documents.get(store.organisation_key("looms")).body["tenant_id"] == won[0]


def test_an_admin_makes_tenants_below_their_own(people):
    child = made(people.owner, parent_tenant_id=people.tenant_id)
    assert people.owner.get(f"/api/tenants/{child['tenant_id']}").json["parent_tenant_id"] == people.tenant_id


def test_an_admin_makes_no_tenant_elsewhere(people):
    assert people.owner.post("/api/tenants", {"organisation_name": "Looms"}).status == 403


def test_only_the_platform_lists_all(people):
    assert people.owner.get("/api/tenants").status == 403


def test_the_list_is_by_name_and_has_pages(platform):
    for name in ("Looms", "alpha", "Mills"):
        made(platform, organisation_name=name)
    first = platform.get("/api/tenants?limit=3")
    rest = platform.get(first.header("Link").split("<")[1].split(">")[0])
    names = [each["organisation_name"] for each in first.json["items"] + rest.json["items"]]
    assert names == ["alpha", "Elsewhere", "Engines", "Looms", "Mills"]


def names(reply):
    return [each["organisation_name"] for each in reply.json["items"]]


def test_the_list_by_state(platform):
    tenant = made(platform)
    platform.post(f"/api/tenants/{tenant['tenant_id']}/suspend", {"reason": WHY})
    assert names(platform.get("/api/tenants?status=suspended")) == ["Looms"]


def test_the_list_by_environment_and_state(platform):
    made(platform, environment="dev")
    made(platform, organisation_name="Mills", environment="sit")
    assert names(platform.get("/api/tenants?environment=dev")) == ["Looms"]
    assert names(platform.get("/api/tenants?environment=dev&status=parked")) == []


def test_the_list_by_the_beginning_of_a_name(platform):
    assert names(platform.get("/api/tenants?name=ENG")) == ["Engines"]


def test_changing_a_tenant(platform):
    address = f"/api/tenants/{made(platform)['tenant_id']}"
    changed = platform.patch(address, {"organisation_name": "Power Looms", "environment": "sit"})
    assert (changed.status, platform.get(address).json["organisation_name"]) == (200, "Power Looms")


def test_metadata_is_merged(platform):
    tenant = made(platform, metadata={"a": 1, "b": {"c": 1, "d": 2}})
    reply = platform.patch(f"/api/tenants/{tenant['tenant_id']}", {"metadata": {"a": None, "b": {"c": 3}}})
    assert reply.json["metadata"] == {"b": {"c": 3, "d": 2}}


def test_an_old_name_is_free_again(platform):
    tenant = made(platform)
    platform.patch(f"/api/tenants/{tenant['tenant_id']}", {"organisation_name": "Mills"})
    assert made(platform)["organisation_name"] == "Looms"


def test_a_name_in_use_is_not_taken_by_a_change(platform):
    reply = platform.patch(f"/api/tenants/{made(platform)['tenant_id']}", {"organisation_name": "engines"})
    assert reply.status == 409


def test_an_edit_of_what_was_read(platform):
    address = f"/api/tenants/{made(platform)['tenant_id']}"
    tag = platform.get(address).header("ETag")
    assert platform.patch(address, {"environment": "dev"}, headers={"If-Match": tag}).status == 200
    assert platform.patch(address, {"environment": "sit"}, headers={"If-Match": tag}).status == 412


def test_a_stranger_finds_nothing(people):
    assert people.stranger.get(f"/api/tenants/{people.tenant_id}").status == 404


def test_a_viewer_changes_nothing(people):
    assert people.viewer.patch(f"/api/tenants/{people.tenant_id}", {"environment": "dev"}).status == 403


@pytest.mark.parametrize("before", TenantStatus)
@pytest.mark.parametrize("after", TenantStatus)
def test_a_transition_that_is_not_in_the_table_names_the_state(before, after):
    if after in TRANSITIONS[before]:
        check_transition(before, after)
        return
    with pytest.raises(WrongState, match=f"is {before}"):
        check_transition(before, after)


@pytest.mark.parametrize(("there", "back", "state"), [("park", "unpark", "parked"), ("suspend", "resume", "suspended")])
def test_there_and_back(platform, there, back, state):
    address = f"/api/tenants/{made(platform)['tenant_id']}"
    asleep = platform.post(f"{address}/{there}", {"reason": WHY}).json
    assert (asleep["status"], asleep["reason"]) == (state, WHY)
    awake = platform.post(f"{address}/{back}").json
    assert (awake["status"], awake["reason"]) == ("active", "")


@pytest.mark.parametrize(("verb", "state"), [("park", "parked"), ("suspend", "parked"), ("resume", "parked")])
def test_a_wrong_state_is_named(platform, verb, state):
    address = f"/api/tenants/{made(platform)['tenant_id']}"
    platform.post(f"{address}/park", {"reason": WHY})
    reply = platform.post(f"{address}/{verb}", None if verb == "resume" else {"reason": WHY})
    assert (reply.status, reply.json["type"], state in reply.json["detail"]) == (422, "/api/docs#wrong-state", True)


@pytest.mark.parametrize("reason", ["", "too short", "x" * 501, " " * 30])
def test_a_reason_has_ten_to_five_hundred_characters(platform, reason):
    reply = platform.post(f"/api/tenants/{made(platform)['tenant_id']}/park", {"reason": reason})
    assert (reply.status, places(reply)) == (400, ["reason"])


def test_its_own_admin_parks_and_unparks_a_tenant(people):
    address = f"/api/tenants/{people.tenant_id}"
    assert people.owner.post(f"{address}/park", {"reason": WHY}).status == 200
    assert people.owner.post(f"{address}/unpark").json["status"] == "active"


def test_its_own_admin_suspends_nothing(people):
    assert people.owner.post(f"/api/tenants/{people.tenant_id}/suspend", {"reason": WHY}).status == 403


def test_a_parked_tenant_s_admin_looks_and_makes_nothing(people):
    people.owner.post(f"/api/tenants/{people.tenant_id}/park", {"reason": WHY})
    assert people.owner.get("/api/jobs").status == 200
    assert people.owner.post("/api/jobs", make.submission()).status == 403


def test_a_parked_tenant_s_operator_does_not_get_in(people):
    people.owner.post(f"/api/tenants/{people.tenant_id}/park", {"reason": WHY})
    assert people.teammate.get("/api/jobs").status == 403
