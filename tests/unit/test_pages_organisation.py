import pytest

from chalicelib.accounts import store as members
from chalicelib.accounts.tenants import store
from chalicelib.limits import budget
from chalicelib.notifications import delivering
from tests import make
from tests.engine import Engine
from tests.pages import signed_in

WHY = "Closed over the summer"


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def platform(people):
    """Mallory, who runs the platform too."""
    caller = people.caller(people.stranger)
    people.ports.documents.transact([members.put_platform_admin(caller.user_id)])
    return signed_in(people, people.stranger)


def test_the_settings(ada, people):
    page = ada.get("/organisation")
    assert (page.title, people.tenant_id in page.words) == ("Engines · Millrace", True)


def test_changing_the_settings(ada):
    fields = {"organisation_name": "Power Engines", "metadata": '{"cost_centre": "4711"}', "environment": "dev"}
    page = ada.follow(ada.submit(ada.get("/organisation"), "/organisation", **fields))
    assert "The organisation is changed" in page.words
    assert "Power Engines" in page.title
    assert '"cost_centre": "4711"' in page.words


def test_what_is_taken_out_of_the_metadata_is_gone(ada, people):
    ada.submit(ada.get("/organisation"), "/organisation", metadata='{"a": 1, "b": 2}')
    ada.submit(ada.get("/organisation"), "/organisation", metadata='{"b": 3}')
    assert store.get_tenant(people.ports.documents, people.tenant_id).metadata == {"b": 3}


@pytest.mark.parametrize("metadata", ["{", "[1]", "1"])
def test_wrong_metadata_is_told_and_kept(ada, metadata):
    reply = ada.submit(ada.get("/organisation"), "/organisation", metadata=metadata)
    assert (reply.status, metadata in reply.text) == (400, True)


def test_parking_and_waking(ada):
    page = ada.follow(ada.submit(ada.get("/organisation"), "/organisation/park", reason=WHY))
    assert ("Parked" in page.words, WHY in page.words) == (True, True)
    page = ada.follow(ada.submit(page, "/organisation/unpark"))
    assert "Active" in page.words


def test_a_reason_that_says_too_little_is_told(ada):
    reply = ada.submit(ada.get("/organisation"), "/organisation/park", reason="no")
    assert (reply.status, "10 to 500 characters" in reply.text) == (400, True)


def test_deleting_wants_the_name(ada):
    reply = ada.submit(ada.get("/organisation"), "/organisation/delete", confirm="engines")
    assert (reply.status, "confirm=Engines" in reply.text) == (422, True)


def test_deleting_closes_the_organisation(ada, people):
    assert ada.submit(ada.get("/organisation"), "/organisation/delete", confirm="Engines").status == 303
    assert store.get_tenant(people.ports.documents, people.tenant_id).status == "deprovisioned"


def test_a_viewer_sees_the_settings_and_no_forms(people):
    page = signed_in(people, people.viewer).get("/organisation")
    assert [each.get("action") for each in page.all("form") if each.get("method") == "post"] == ["/logout"]


def test_all_organisations(platform):
    page = platform.get("/platform")
    assert ("Engines" in page.words, "Elsewhere" in page.words) == (True, True)
    assert "No organisation matches" in platform.get("/platform?status=parked").words


def test_only_the_platform_sees_all(ada):
    assert "Platform" not in ada.get("/jobs").words
    ada.get("/platform", 403)


def test_making_an_organisation(platform):
    page = platform.follow(platform.submit(platform.get("/platform"), "/platform/new", organisation_name="Looms"))
    assert page.title == "Looms · Millrace"
    reply = platform.submit(platform.get("/platform"), "/platform/new", organisation_name="Looms")
    assert (reply.status, "Looms is taken" in reply.text) == (409, True)


def test_suspending_and_waking(platform, people):
    address = f"/platform/{people.tenant_id}"
    page = platform.follow(platform.submit(platform.get(address), f"{address}/suspend", reason=WHY))
    assert "Suspended" in page.words
    assert "Active" in platform.follow(platform.submit(page, f"{address}/resume")).words


def test_the_platform_changes_and_deletes_an_organisation(platform, people):
    address = f"/platform/{people.tenant_id}"
    page = platform.follow(platform.submit(platform.get(address), address, organisation_name="Renamed"))
    assert page.title == "Renamed · Millrace"
    page = platform.follow(platform.submit(page, f"{address}/delete", confirm="Renamed"))
    assert "Deleted" in page.words


def test_the_limits_of_an_organisation(platform, people):
    address = f"/platform/{people.tenant_id}/limits"
    fields = {"concurrency": "5", "monthly_budget": "12.50", "storage": "2"}
    page = platform.follow(platform.submit(platform.get(address), address, **fields))
    assert "The limits are changed" in page.words
    assert store.get_tenant(people.ports.documents, people.tenant_id).limits.monthly_budget == 12_500_000


@pytest.mark.parametrize("wrong", ["many", "1.5", "-1", "1001", "NaN", "Infinity"])
def test_a_wrong_limit_is_told_and_kept(platform, people, wrong):
    address = f"/platform/{people.tenant_id}/limits"
    reply = platform.submit(platform.get(address), address, concurrency=wrong)
    assert (reply.status, f'value="{wrong}"' in reply.text) == (400, True)


def test_usage_beside_the_limits(ada, platform, people):
    address = f"/platform/{people.tenant_id}/limits"
    platform.submit(platform.get(address), address, monthly_budget="10", concurrency="4")
    people.ports.documents.transact([budget.charge(people.ports, people.tenant_id, 8_500_000)])
    budget.check(people.ports, people.tenant_id)
    page = ada.get("/limits")
    assert "$8.50 of $10.00" in page.words
    assert [each.get("value") for each in page.all("meter")] == ["0", "85"]


def add_unit(browser, level, name, parent=""):
    proof = browser.get("/structure").all("input", name="proof")[0].get("value")
    return browser.post("/structure/units", proof=proof, level=level, name=name, parent_id=parent)


def test_units_as_a_tree(ada, people):
    add_unit(ada, "division", "Europe")
    [division] = store.get_units(people.ports.documents, people.tenant_id).units
    page = ada.follow(add_unit(ada, "group", "Sales", division))
    assert "Europe division" in page.words
    assert "Sales group" in page.words


def test_a_refused_unit_is_told(ada):
    add_unit(ada, "division", "Europe")
    assert add_unit(ada, "division", "europe").status == 409
    assert add_unit(ada, "team", "Lost").status == 422


def test_changing_and_deleting_a_unit(ada, people):
    add_unit(ada, "division", "Europe")
    [unit_id] = store.get_units(people.ports.documents, people.tenant_id).units
    page = ada.follow(ada.submit(ada.get("/structure"), f"/structure/units/{unit_id}", name="Asia"))
    assert "Asia division" in page.words
    page = ada.follow(ada.submit(page, f"/structure/units/{unit_id}/delete"))
    assert "There is none yet" in page.words


def test_organisations_below(ada):
    page = ada.follow(ada.submit(ada.get("/structure"), "/structure/children", organisation_name="Engines North"))
    assert "Active Engines North" in page.words


def test_a_move_that_is_refused_is_told(ada, people):
    reply = ada.submit(ada.get("/structure"), "/structure/move", parent_tenant_id=people.tenant_id)
    assert (reply.status, "under itself" in reply.text) == (409, True)


def test_the_audit(ada, people):
    people.owner.post("/api/jobs", make.submission(name="Nightly"))
    page = ada.get("/audit?action=job.submit")
    assert ("ada@engines.example" in page.words, "Nightly" in page.words) == (True, True)
    assert "No entry matches" in ada.get("/audit?actor=nobody@engines.example").words


def test_the_audit_as_a_file(ada, people):
    people.owner.post("/api/jobs", make.submission())
    reply = ada.client.get("/audit/export?action=job.submit")
    assert (reply.header("Content-Type"), reply.text.count("job.submit")) == ("text/csv; charset=utf-8", 1)


def test_the_audit_is_not_for_operators(people):
    signed_in(people, people.teammate).get("/audit", 403)


def test_my_notifications_and_what_was_sent(ada, people):
    page = ada.follow(ada.submit(ada.get("/notifications"), "/notifications", kind="email", events="job.finished"))
    assert "ada@engines.example" in page.words
    engine = Engine(people.ports)
    job_id = people.owner.post("/api/jobs", make.submission(name="Nightly")).json["job_id"]
    engine.look(job_id)
    engine.end(job_id, 1)
    delivering.deliver(people.ports)
    log = ada.get(next(each.get("href") for each in page.all("a") if each.get("href").startswith("/notifications/")))
    assert "job.finished Nightly" in log.words
    assert "Delivered" in log.words
    [again] = [each for each in log.all("form") if each.get("action").endswith("/redeliver")]
    assert "sent again" in ada.follow(ada.submit(log, again.get("action"))).words


def test_a_webhook_s_secret_is_shown_once(ada):
    page = ada.get("/channels")
    reply = ada.submit(page, "/channels", kind="webhook", target="https://example.org/hook", events="job.failed")
    assert (reply.status, "whsec_" in reply.text) == (200, True)
    assert "whsec_" not in ada.get("/channels").html


def test_a_refused_channel_is_told(ada):
    fields = {"kind": "webhook", "target": "https://127.0.0.1/", "events": "job.failed"}
    reply = ada.submit(ada.get("/channels"), "/channels", **fields)
    assert (reply.status, "private network" in reply.text) == (400, True)


def test_removing_a_channel(ada):
    page = ada.follow(ada.submit(ada.get("/notifications"), "/notifications", kind="email", events="job.finished"))
    [remove] = [each for each in page.all("form") if each.get("action").endswith("/delete")]
    assert "Nobody is told yet" in ada.follow(ada.submit(page, remove.get("action"))).words
