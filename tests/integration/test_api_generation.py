"""Every route of generation jobs, batches and costs, over the local home and an emulated AWS."""

import pytest

from tests.generating import ONE_STEP, Factory

pytestmark = pytest.mark.integration


@pytest.fixture
def factory(ports, people):
    return Factory(ports, people.caller(people.owner))


@pytest.fixture
def body(factory):
    return {
        "template_id": factory.template(ONE_STEP),
        "seed_data_id": factory.seeds(3),
        "budget_limit": 1,
        "num_records": 3,
        "model": "offline/small",
    }


@pytest.fixture
def made(factory, people, body):
    job_id = people.owner.post("/api/jobs", body).json["job_id"]
    factory.run(job_id)
    return job_id


def test_a_job_is_submitted_made_and_downloaded(people, made):
    seen = people.teammate.get(f"/api/jobs/{made}/generation").json
    assert (seen["status"], seen["progress"]["done"]) == ("succeeded", 3)
    assert seen["money"]["spent"] + seen["money"]["reserved"] + seen["money"]["free"] == seen["money"]["cap"]
    files = people.viewer.get(f"/api/jobs/{made}/exports").json["items"]
    assert [each["path"] for each in files] == ["data.jsonl"]
    assert people.viewer.get(files[0]["href"]).status == 302


def test_a_budget_must_be_positive(people, body):
    reply = people.owner.post("/api/jobs", body | {"budget_limit": -10})
    assert reply.status == 400
    assert reply.json["fields"] == [{"place": "budget_limit", "message": "Budget must be positive"}]


def test_an_estimate_costs_nothing_and_stores_nothing(people, body):
    reply = people.viewer.post("/api/generation/estimate", body)
    assert reply.status == 200
    assert 0 < reply.json["smallest_cap"] <= reply.json["worst"]
    assert people.owner.get("/api/jobs").json["items"] == []


def test_a_submission_is_repeated_safely(people, body):
    key = {"Idempotency-Key": "once"}
    replies = [people.owner.post("/api/jobs", body, headers=key).json["job_id"] for _ in range(2)]
    assert replies[0] == replies[1]


def test_records_are_listed_and_searched(people, made):
    assert len(people.viewer.get(f"/api/jobs/{made}/records").json["items"]) == 3
    found = people.viewer.get(f"/api/jobs/{made}/records?text=topic+2").json["items"]
    assert [each["number"] for each in found] == [2]


def test_a_draft_gets_its_seed_data_and_is_started(factory, people, body):
    draft = {name: value for name, value in body.items() if name != "seed_data_id"} | {"start": False}
    job_id = people.owner.post("/api/jobs", draft).json["job_id"]
    assert people.owner.patch(f"/api/jobs/{job_id}", {"status": "running"}).status == 409
    rows = b"topic,author.name\nriver,Ada\n"
    reply = people.owner.send("POST", f"/api/jobs/{job_id}/seed-data", body=rows, headers={"Content-Type": "text/csv"})
    assert reply.status == 201
    assert people.owner.patch(f"/api/jobs/{job_id}", {"status": "running"}).status == 202
    factory.run(job_id)
    assert people.owner.get(f"/api/jobs/{job_id}").json["status"] == "succeeded"


def test_seed_data_of_no_known_format_is_refused_with_its_faults(people, body):
    draft = {name: value for name, value in body.items() if name != "seed_data_id"} | {"start": False}
    job_id = people.owner.post("/api/jobs", draft).json["job_id"]
    reply = people.owner.send(
        "POST", f"/api/jobs/{job_id}/seed-data", body=b'{"a": ', headers={"Content-Type": "application/json"}
    )
    assert reply.status == 400


def test_a_job_is_paused_and_resumed(factory, people, body):
    job_id = people.owner.post("/api/jobs", body).json["job_id"]
    assert people.owner.patch(f"/api/jobs/{job_id}", {"status": "paused"}).status == 202
    factory.run(job_id)
    assert people.owner.get(f"/api/jobs/{job_id}/generation").json["paused_by"] == "ada@engines.example"
    people.owner.patch(f"/api/jobs/{job_id}", {"status": "running"})
    factory.run(job_id)
    assert people.owner.get(f"/api/jobs/{job_id}").json["status"] == "succeeded"


def test_a_job_out_of_money_goes_on_with_more(factory, people, body):
    smallest = people.owner.post("/api/generation/estimate", body).json["smallest_cap"] / 1_000_000
    job_id = people.owner.post("/api/jobs", body | {"budget_limit": smallest}).json["job_id"]
    factory.run(job_id)
    assert people.owner.get(f"/api/jobs/{job_id}").json["status"] == "budget_exceeded"
    assert people.owner.patch(f"/api/jobs/{job_id}", {"budget_limit": 1}).status == 202
    factory.run(job_id)
    assert people.owner.get(f"/api/jobs/{job_id}").json["status"] == "succeeded"


def test_a_change_of_nothing_is_refused(people, made):
    assert people.owner.patch(f"/api/jobs/{made}", {}).status == 400


def test_a_job_is_cancelled_and_deleted(factory, people, body):
    job_id = people.owner.post("/api/jobs", body).json["job_id"]
    people.owner.patch(f"/api/jobs/{job_id}", {"status": "cancelled"})
    factory.run(job_id)
    assert people.owner.delete(f"/api/jobs/{job_id}").status == 204
    assert people.owner.get(f"/api/jobs/{job_id}/generation").status == 404


def test_jobs_are_listed_by_kind_and_status(people, made):
    found = people.viewer.get("/api/jobs?kind=generation&status=succeeded").json["items"]
    assert [each["job_id"] for each in found] == [made]


def test_retrying_records_needs_failed_ones(people, made):
    assert people.owner.post(f"/api/jobs/{made}/retry-records").status == 409


def test_another_export_is_a_job_of_its_own(factory, people, made):
    reply = people.owner.post(f"/api/jobs/{made}/exports", {"format": "csv", "partition": {"by": "split"}})
    assert reply.status == 202
    assert reply.header("Location") == f"/api/jobs/{reply.json['job_id']}"
    factory.run(reply.json["job_id"])
    files = people.owner.get(f"/api/jobs/{made}/exports").json["items"]
    assert {each["path"] for each in files} == {"data.jsonl", "train/data.csv", "test/data.csv"}


def test_quality_is_measured(people, made):
    assert people.viewer.get(f"/api/jobs/{made}/quality").json["sampled"] == 3


def test_a_batch_is_submitted_seen_and_listed(people, body):
    base = {name: body[name] for name in ("template_id", "seed_data_id", "model")}
    data = {"name": "b", "base": base, "sweep_key": "num_records", "values": [1, 2], "budget_limit": 1}
    reply = people.owner.post("/api/batches", data)
    assert reply.status == 201
    seen = people.viewer.get(reply.header("Location")).json
    assert [each["value"] for each in seen["jobs"]] == [1, 2]
    assert [each["batch_id"] for each in people.viewer.get("/api/batches").json["items"]] == [seen["batch_id"]]


def test_costs_are_shown_and_downloaded(people, made):
    span = "since=2026-01-01&until=2026-12-31"
    shown = people.viewer.get(f"/api/costs?{span}&by=member").json["items"]
    assert [each["key"] for each in shown] == ["ada@engines.example"]
    file = people.viewer.get(f"/api/costs.csv?{span}&by=day")
    assert file.text.splitlines()[0].startswith("day,records")


def test_a_span_of_costs_has_a_beginning_and_an_end(people):
    assert people.viewer.get("/api/costs?since=2026-02-01&until=2026-01-01").status == 400


READS = ("generation", "records", "exports", "quality")


def test_strangers_and_the_unknown_get_the_same_answer(people, made):
    for path in READS:
        assert people.stranger.get(f"/api/jobs/{made}/{path}").status == 404
        assert people.nobody.get(f"/api/jobs/{made}/{path}").status == 401


def test_a_viewer_can_look_but_not_spend(people, made, body):
    assert people.viewer.post("/api/jobs", body).status == 403
    assert people.viewer.post(f"/api/jobs/{made}/exports", {"format": "csv"}).status == 403
    assert people.viewer.post(f"/api/jobs/{made}/retry-records").status == 403


def test_the_audit_tells_who_spent_how_much_on_what(people, made):
    entries = people.owner.get(f"/api/tenants/{people.tenant_id}/audit").json["items"]
    submitted = next(each for each in entries if each["action"] == "job.submit")
    assert (submitted["after"]["records"], submitted["after"]["budget"]) == (3, 1.0)
