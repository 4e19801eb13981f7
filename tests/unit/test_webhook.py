"""Jobs that are posted: who may, what is answered, and what happens when it is posted again."""

import base64
import json
from dataclasses import replace

import pytest

from chalicelib.accounts import keys
from chalicelib.accounts.model import Role
from chalicelib.accounts.tenants import store as tenants
from chalicelib.accounts.tenants.model import Limits
from chalicelib.jobs.flows import Flow, read_flow_id
from tests import make
from tests.client import Client
from tests.engine import Engine
from tests.posting import encoded, payload, pull_request, push, signed

JOB = make.submission(make.order("build"), make.order("test", after=["build"]), username="octocat")


@pytest.fixture
def secret(people):
    return people.owner.post(f"/api/tenants/{people.tenant_id}/webhook/secret").json["secret"]


@pytest.fixture
def robot(people):
    """A client with an API key."""
    _, text = keys.create(people.ports, people.caller(people.owner), name="ci", role=Role.OPERATOR)
    return Client(people.wsgi, text)


class GitHub:
    """Delivers to the hook of a tenant."""

    def __init__(self, people, secret):
        self.client = people.nobody
        self.path = f"/api/webhook/{people.tenant_id}"
        self.secret = secret

    def deliver(self, data, *, event="", delivery="d-1", secret="", **more):
        body = json.dumps(data).encode()
        headers = signed(secret or self.secret, body, event=event, delivery=delivery) | more
        return self.client.post(self.path, body=body, headers=headers)


@pytest.fixture
def github(people, secret):
    return GitHub(people, secret)


def set_up(people, **fields):
    assert people.owner.patch(f"/api/tenants/{people.tenant_id}/webhook", fields).status == 200


def jobs(people):
    return people.owner.get("/api/jobs").json["items"]


def test_a_posted_job_is_answered_by_its_names(robot, people):
    answer = robot.post("/api/webhook", payload(JOB, trace_id="0a1b2c3d")).json
    run_id = jobs(people)[0]["job_id"]
    assert answer == {
        "status": "ok",
        "run_id": run_id,
        "trace_id": "0a1b2c3d",
        "flow_id": "octocat:0a1b2c3d-exec",
        "done_endpt": f"{people.ports.settings.address}/api/jobs/{run_id}",
        "pr_search_tag": f"millrace-{run_id}",
        "init_pr_comment": "",
    }


def test_it_is_a_job_like_any_other(robot, people):
    run_id = robot.post("/api/webhook", payload(JOB)).json["run_id"]
    job = people.owner.get(f"/api/jobs/{run_id}").json
    assert [each["order_name"] for each in job["orders"]] == ["build", "test"]


def test_yaml_is_read_too(robot, people):
    text = "orders:\n- cmds: [echo hello]\n  timeout: 60\n"
    assert robot.post("/api/webhook", {"job_parameters_b64": base64.b64encode(text.encode()).decode()}).status == 200


def test_lines_that_base64_breaks_are_read(robot):
    text = base64.encodebytes(json.dumps(JOB).encode()).decode()
    assert robot.post("/api/webhook", {"job_parameters_b64": text}).status == 200


def test_the_trace_of_a_leg_goes_on(robot):
    assert robot.post("/api/webhook", payload(JOB, trace_id="0a1b2c3d:1795176000")).json["trace_id"] == "0a1b2c3d"


def test_a_flow_is_read_back_whatever_the_label(robot):
    job = {**JOB, "flow_label": "eu:0a1b2c3d-west-1", "username": "ada:lovelace"}
    answer = robot.post("/api/webhook", payload(job)).json
    assert read_flow_id(answer["flow_id"]) == Flow("ada:lovelace", answer["trace_id"], "eu:0a1b2c3d-west-1")


def test_the_history_begins_with_the_leg(robot, people):
    run_id = robot.post("/api/webhook", payload(JOB, trace_id="0a1b2c3d")).json["run_id"]
    first = people.owner.get(f"/api/jobs/{run_id}/events?order_name=_job").json["items"][0]
    assert (first["kind"], first["message"]) == ("job.submitted", "leg 0a1b2c3d:1795176000")


def test_a_job_may_have_the_id_that_is_asked_for(robot):
    assert robot.post("/api/webhook", payload(JOB, run_id="nightly20261120")).json["run_id"] == "nightly20261120"


def test_the_end_is_told_where_the_call_asks(robot):
    answer = robot.post("/api/webhook", payload(JOB, done_endpt="https://ci.example/done")).json
    assert answer["done_endpt"] == "https://ci.example/done"


def test_the_same_run_gets_the_first_answer(robot, people):
    answers = [robot.post("/api/webhook", payload(JOB, run_id="nightly20261120")).json for _ in range(2)]
    assert (answers[0], len(jobs(people))) == (answers[1], 1)


def test_the_same_run_with_another_body_is_a_conflict(robot):
    robot.post("/api/webhook", payload(JOB, run_id="nightly20261120"))
    assert robot.post("/api/webhook", payload(make.submission(), run_id="nightly20261120")).status == 409


def test_another_tenants_run_is_a_conflict_that_tells_nothing(robot, people):
    robot.post("/api/webhook", payload(JOB, run_id="nightly20261120"))
    reply = people.stranger.post("/api/webhook", payload(JOB, run_id="nightly20261120"))
    told = "The run_id nightly20261120 was used before, for something else. Choose another, or none."
    assert (reply.status, reply.json["errors"]) == (409, [told])


def test_the_id_of_any_other_job_is_a_conflict_too(robot, people):
    job_id = people.stranger.post("/api/jobs", make.submission()).json["job_id"]
    assert robot.post("/api/webhook", payload(JOB, run_id=job_id)).status == 409


def test_a_refused_run_may_be_mended(robot):
    robot.post("/api/webhook", payload({"orders": []}, run_id="nightly20261120"))
    assert robot.post("/api/webhook", payload(JOB, run_id="nightly20261120")).status == 200


def test_calls_without_a_run_id_make_a_job_each(robot, people):
    for _ in range(2):
        robot.post("/api/webhook", payload(JOB))
    assert len(jobs(people)) == 2


def test_a_repeated_delivery_gets_the_first_answer(github, people):
    answers = [github.deliver(payload(JOB)).json for _ in range(2)]
    assert (answers[0], len(jobs(people))) == (answers[1], 1)


def test_a_repeated_delivery_with_another_body_is_refused(github):
    github.deliver(payload(JOB))
    assert github.deliver(payload(make.submission())).status == 422


def test_a_signed_body_that_is_sent_as_another_delivery_is_refused(github, people):
    github.deliver(payload(JOB))
    reply = github.deliver(payload(JOB), delivery="d-2")
    assert (reply.status, len(jobs(people))) == (409, 1)


def test_a_signed_body_without_a_delivery_makes_one_job(github, people):
    answers = [github.deliver(payload(JOB), delivery="").json for _ in range(2)]
    assert (answers[0], len(jobs(people))) == (answers[1], 1)


def test_a_delivery_is_let_in_by_its_signature(github):
    assert github.deliver(payload(JOB)).json["status"] == "ok"


def test_what_a_hook_does_is_in_the_audit(github, people):
    run_id = github.deliver(payload(JOB)).json["run_id"]
    entries = people.owner.get(f"/api/tenants/{people.tenant_id}/audit").json["items"]
    assert ("webhook", "job.submit", f"job/{run_id}") in [(e["actor"], e["action"], e["resource"]) for e in entries]


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=abc", "\xe9"])
def test_a_signature_that_is_none_is_refused(people, secret, signature):
    headers = {"X-Hub-Signature-256": signature}
    reply = people.nobody.post(f"/api/webhook/{people.tenant_id}", payload(JOB), headers=headers)
    assert (reply.status, reply.json["status"]) == (401, "error")


def test_a_signature_with_another_secret_is_refused(github):
    assert github.deliver(payload(JOB), secret="other").status == 401


def test_a_body_that_was_changed_is_refused(github, people):
    headers = signed(github.secret, json.dumps(payload(JOB)).encode())
    assert people.nobody.post(github.path, payload(make.submission()), headers=headers).status == 401


def test_a_rotated_secret_ends_the_one_before(github, people):
    people.owner.post(f"/api/tenants/{people.tenant_id}/webhook/secret")
    assert github.deliver(payload(JOB)).status == 401


def test_a_closed_hook_takes_nothing(github, people):
    people.owner.delete(f"/api/tenants/{people.tenant_id}/webhook/secret")
    assert github.deliver(payload(JOB)).status == 401


def test_a_tenant_that_is_not_there_is_answered_as_one_without_a_secret(people):
    body = json.dumps(payload(JOB)).encode()
    paths = [f"/api/webhook/{people.tenant_id}", "/api/webhook/nobody"]
    mine, theirs = (people.nobody.post(path, body=body, headers=signed("x", body)) for path in paths)
    assert (mine.status, mine.json) == (theirs.status, theirs.json)


def test_a_parked_tenants_hook_takes_nothing(github, people):
    people.owner.post(f"/api/tenants/{people.tenant_id}/park", {"reason": "Closed over the summer"})
    assert github.deliver(payload(JOB)).status == 403


def test_a_key_works_at_the_address_of_its_tenant(robot, people):
    assert robot.post(f"/api/webhook/{people.tenant_id}", payload(JOB)).status == 200


def test_a_key_does_not_work_at_another_tenants(people):
    assert people.stranger.post(f"/api/webhook/{people.tenant_id}", payload(JOB)).status == 404


def test_nobody_posts_without_a_key(people):
    assert people.nobody.post("/api/webhook", payload(JOB)).status == 401


def test_a_viewer_posts_nothing(people):
    assert people.viewer.post("/api/webhook", payload(JOB)).status == 403


def test_a_ping_is_answered(github, people):
    reply = github.deliver({"zen": "Keep it logically awesome."}, event="ping")
    assert (reply.json, jobs(people)) == ({"status": "ok", "message": "pong"}, [])


def test_a_dispatch_brings_the_fields_in_its_payload(github):
    data = {"action": "millrace", "client_payload": payload(JOB, trace_id="0a1b2c3d")}
    assert github.deliver(data, event="repository_dispatch").json["trace_id"] == "0a1b2c3d"


def test_a_dispatch_without_them_is_refused(github):
    reply = github.deliver({"client_payload": None}, event="repository_dispatch")
    assert (reply.status, reply.json["errors"]) == (400, ["job_parameters_b64: is required"])


def test_a_push_runs_the_job_of_the_hook(github, people):
    set_up(people, job="name: On push\norders: [{cmds: [make test], timeout: 600}]")
    run_id = github.deliver(push(), event="push").json["run_id"]
    asked = people.owner.get(f"/api/jobs/{run_id}/submission").json
    assert (asked["name"], asked["commit_hash"], asked["git_repo"]) == (
        "On push",
        "b" * 40,
        "https://github.com/acme/app",
    )


def test_a_push_without_a_job_is_told_what_is_missing(github):
    reply = github.deliver(push(), event="push")
    assert (reply.status, "No job is set up for push" in reply.json["errors"][0]) == (422, True)


def test_a_pull_request_runs_it_too(github, people):
    set_up(people, job="orders: [{cmds: [make test], timeout: 600}]")
    run_id = github.deliver(pull_request(), event="pull_request").json["run_id"]
    assert people.owner.get(f"/api/jobs/{run_id}").json["username"] == "octocat"


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("pull_request", pull_request(action="closed")),
        ("pull_request", pull_request(head="mallory/app")),
        ("pull_request", {"action": "opened", "pull_request": None}),
        ("push", push(deleted=True)),
        ("star", {}),
    ],
)
def test_other_events_make_no_job(github, people, event, data):
    set_up(people, job="orders: [{cmds: [make test], timeout: 600}]")
    assert (github.deliver(data, event=event).status, jobs(people)) == (200, [])


def test_all_faults_are_told_at_once(robot):
    faulty = {"orders": [{"cmds": [], "timeout": 60}, {"cmds": ["a"], "timeout": -1, "dependencies": ["x"]}]}
    reply = robot.post("/api/webhook", {**payload(faulty), "trace_id": "xyz", "colour": "red"})
    places = [each.partition(":")[0] for each in reply.json["errors"]]
    assert (reply.status, reply.json["status"]) == (400, "error")
    assert {"trace_id", "colour", "orders[0].cmds", "orders[1].timeout", "orders[1].dependencies[0]"} <= set(places)


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        "text",
        None,
        {"job_parameters_b64": None},
        {"job_parameters_b64": 5},
        {"job_parameters_b64": "%%%"},
        {"job_parameters_b64": "abc"},
        {"job_parameters_b64": ""},
        {"job_parameters_b64": "\xe9"},
        {"job_parameters_b64": base64.b64encode(b"\xff\xfe").decode()},
        {"job_parameters_b64": base64.b64encode(b"[" * 100_000).decode()},
        {"job_parameters_b64": base64.b64encode(b"a: &a [x]\nb: [*a, *a]").decode()},
        {"job_parameters_b64": base64.b64encode(b'{"orders": ' + b"[" * 900 + b"]" * 900 + b"}").decode()},
        {"job_parameters_b64": encoded([])},
        {"job_parameters_b64": encoded(None)},
        {"job_parameters_b64": encoded({"orders": {}})},
        {"job_parameters_b64": {"$ref": "x"}},
        payload(JOB, run_id="a/../../b"),
        payload(JOB, run_id="short"),
        payload(JOB, run_id="x" * 65),
        payload(JOB, run_id=12345678),
        payload(JOB, run_id="nightly20261120\n"),
        payload(JOB, trace_id="0a1b2c3d\r\nX-Evil: 1"),
        payload(JOB, trace_id="0A1B2C3D"),
        payload(JOB, done_endpt="https://ci.example/\r\nX-Evil: 1"),
        payload(JOB, done_endpt="http://ci.example/done"),
        payload(JOB, done_endpt="https://169.254.169.254/latest"),
        payload(JOB, done_endpt="file:///etc/passwd"),
        payload(JOB, done_endpt="s3://somebody/else"),
        payload({**JOB, "pr_number": 7}),
        payload({**JOB, "pr_number": 7, "git_repo": "https://evil.example/acme/app"}),
        payload({**JOB, "pr_number": 7, "issue_number": 7, "git_repo": "https://github.com/acme/app"}),
        payload({**JOB, "pr_number": 7, "git_repo": "https://github.com/../app"}),
    ],
    ids=lambda data: json.dumps(data)[:60],
)
def test_bad_input_is_answered_with_its_reasons(robot, people, data):
    reply = robot.post("/api/webhook", body=json.dumps(data).encode(), headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json["status"], bool(reply.json["errors"])) == (400, "error", True)
    assert jobs(people) == []


def test_giant_base64_is_refused(robot):
    reply = robot.post("/api/webhook", {"job_parameters_b64": "A" * 6_100_000})
    assert reply.status == 413


def test_another_content_type_is_refused(robot):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert robot.post("/api/webhook", body=b"payload=x", headers=headers).status == 415


def test_a_limit_of_requests_holds_for_hooks_too(github, people):
    set_limit(people, 1)
    github.deliver(payload(JOB))
    reply = github.deliver(payload(make.submission()), delivery="d-2")
    assert (reply.status, reply.header("Retry-After") is not None) == (429, True)


def set_limit(people, rate):
    tenant = tenants.get_tenant(people.ports.documents, people.tenant_id)
    people.ports.documents.transact([tenants.put_tenant(replace(tenant, limits=Limits(request_rate=rate)))])


def test_the_secret_is_shown_once(people, secret):
    shown = people.owner.get(f"/api/tenants/{people.tenant_id}/webhook")
    assert (secret in shown.text, shown.json["signed"]) == (False, True)


def test_no_secret_lies_in_the_data_in_clear(people, secret):
    set_up(people, token="ghp_plain")
    found = people.ports.documents.query(f"tenant#{people.tenant_id}", limit=100).items
    text = repr([each.body for each in found])
    assert (secret in text, "ghp_plain" in text) == (False, False)


def test_a_faulty_job_is_refused_with_its_places(people):
    reply = people.owner.patch(f"/api/tenants/{people.tenant_id}/webhook", {"job": "orders: []"})
    assert (reply.status, [each["place"] for each in reply.json["fields"]]) == (400, ["job.orders"])


def test_operators_do_not_set_it_up(people):
    assert people.teammate.get(f"/api/tenants/{people.tenant_id}/webhook").status == 403


def test_strangers_do_not_see_it(people):
    assert people.stranger.get(f"/api/tenants/{people.tenant_id}/webhook").status == 404


def test_what_came_is_listed(github, people):
    run_id = github.deliver(payload(JOB)).json["run_id"]
    github.deliver({}, delivery="d-2")
    listed = people.owner.get(f"/api/tenants/{people.tenant_id}/webhook/deliveries").json["items"]
    assert {(each["delivery_id"], each["status"], each["job_id"]) for each in listed} == {
        ("d-1", 200, run_id),
        ("d-2", 400, ""),
    }


def test_jobs_are_found_by_their_trace(robot, people):
    runs = [robot.post("/api/webhook", payload(JOB, trace_id="0a1b2c3d")).json["run_id"] for _ in range(2)]
    robot.post("/api/webhook", payload(JOB))
    found = people.owner.get("/api/jobs?trace_id=0a1b2c3d").json["items"]
    assert sorted(each["job_id"] for each in found) == sorted(runs)


def test_a_trace_is_of_ones_own_organisation(robot, people):
    robot.post("/api/webhook", payload(JOB, trace_id="0a1b2c3d"))
    assert people.stranger.get("/api/jobs?trace_id=0a1b2c3d").json["items"] == []


def test_a_trace_can_be_narrowed_to_a_status(robot, people):
    robot.post("/api/webhook", payload(JOB, trace_id="0a1b2c3d"))
    assert people.owner.get("/api/jobs?trace_id=0a1b2c3d&status=failed").json["items"] == []


def test_a_deleted_job_is_not_found_by_its_trace(robot, people):
    run_id = robot.post("/api/webhook", payload(JOB, trace_id="0a1b2c3d")).json["run_id"]
    people.owner.patch(f"/api/jobs/{run_id}", {"status": "cancelled"})
    engine = Engine(people.ports)
    engine.take_wake_ups()
    assert people.owner.delete(f"/api/jobs/{run_id}").status == 204
    assert people.owner.get("/api/jobs?trace_id=0a1b2c3d").json["items"] == []


def test_events_are_found_by_the_order_s_name(robot, people):
    run_id = robot.post("/api/webhook", payload(JOB)).json["run_id"]
    engine = Engine(people.ports)
    engine.take_wake_ups()
    engine.end(run_id, 1)
    found = people.owner.get(f"/api/jobs/{run_id}/events?order_name=build").json["items"]
    assert [each["kind"] for each in found] == ["order.running", "order.succeeded"]


def test_an_order_that_is_not_there_has_no_events(robot, people):
    run_id = robot.post("/api/webhook", payload(JOB)).json["run_id"]
    assert people.owner.get(f"/api/jobs/{run_id}/events?order_name=deploy").status == 404


def test_no_order_is_called_like_the_whole_job(people):
    assert people.owner.post("/api/jobs", make.submission(make.order("_job"))).status == 400


def test_a_member_of_several_names_one_in_a_header(people):
    reply = people.owner.post("/api/webhook", payload(JOB), headers={"X-Tenant-Id": "nobody"})
    assert (reply.status, reply.json["status"]) == (404, "error")
