import pytest

from chalicelib.jobs import operations
from chalicelib.jobs.orchestrator import Orchestrator
from tests import make
from tests.client import Client
from tests.generating import Factory

JOB = make.submission(make.order("first"), make.order("second", after=["first"]), name="Two steps")


@pytest.fixture
def job_id(people):
    return people.owner.post("/api/jobs", JOB).json["job_id"]


def places(reply):
    return [each["place"] for each in reply.json["fields"]]


def end(people, job_id):
    """Cancelled before anything ran."""
    operations.cancel(people.ports, people.caller(people.owner), job_id)
    Orchestrator(people.ports, owner="test").look(job_id)


def test_submitting_a_job(people):
    reply = people.owner.post("/api/jobs", JOB)
    assert (reply.status, reply.json["status"], reply.json["order_count"]) == (201, "queued", 2)


def test_the_answer_says_where_the_job_is(people):
    reply = people.owner.post("/api/jobs", JOB)
    assert people.owner.get(reply.header("Location")).json["job_id"] == reply.json["job_id"]


def test_addresses_stand_below_the_base_path(people):
    reply = people.owner.post("/api/jobs", JOB, base="/stage")
    assert reply.header("Location") == f"/stage/api/jobs/{reply.json['job_id']}"


def test_submitting_yaml(people):
    text = b"name: From YAML\norders:\n- cmds: [echo hello]\n  timeout: 5\n"
    reply = people.owner.post("/api/jobs", body=text, headers={"Content-Type": "application/yaml"})
    assert (reply.status, reply.json["name"]) == (201, "From YAML")


def test_all_faults_come_at_once_with_their_places(people):
    orders = [make.order("a"), {"cmds": [], "timeout": 0, "dependencies": ["a"]}, {"cmds": ["true"], "x": 1}]
    reply = people.owner.post("/api/jobs", {"orders": orders, "priority": "high"})
    assert set(places(reply)) == {"orders[1].cmds", "orders[1].timeout", "orders[2].timeout", "orders[2].x", "priority"}


def test_an_unknown_dependency_is_named_by_its_place(people):
    orders = [make.order("a"), make.order("b", after=["a", "c"])]
    assert places(people.owner.post("/api/jobs", {"orders": orders})) == ["orders[1].dependencies[1]"]


def test_a_yaml_fault_is_found_by_line_and_column(people):
    reply = people.owner.post("/api/jobs", body=b"orders:\n  - [", headers={"Content-Type": "application/yaml"})
    assert places(reply)[0].startswith("line ")


def test_a_viewer_submits_nothing(people):
    assert people.viewer.post("/api/jobs", JOB).status == 403


def test_nobody_submits_nothing(people):
    assert people.nobody.post("/api/jobs", JOB).status == 401


def test_a_job_shows_its_orders(people, job_id):
    orders = people.owner.get(f"/api/jobs/{job_id}").json["orders"]
    assert [(each["order_num"], each["order_name"], each["dependencies"]) for each in orders] == [
        ("0001", "first", []),
        ("0002", "second", ["0001"]),
    ]


def test_an_order_says_what_it_waits_for(people, job_id):
    assert people.owner.get(f"/api/jobs/{job_id}").json["orders"][1]["waiting_for"] == "waits for first"


@pytest.mark.parametrize("reader", ["owner", "teammate", "viewer"])
def test_the_members_see_a_job(people, job_id, reader):
    assert getattr(people, reader).get(f"/api/jobs/{job_id}").status == 200


@pytest.mark.parametrize(
    ("method", "below"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/events"),
        ("GET", "/submission"),
        ("GET", "/retry"),
        ("POST", "/retry"),
        ("POST", "/clone"),
        ("GET", "/orders/1/log"),
        ("GET", "/orders/1/artifacts"),
        ("GET", "/orders/1/artifacts/x"),
    ],
)
def test_a_stranger_finds_nothing(people, job_id, method, below):
    body = {"status": "cancelled"} if method == "PATCH" else None
    assert people.stranger.send(method, f"/api/jobs/{job_id}{below}", body).status == 404


@pytest.mark.parametrize(("method", "below"), [("PATCH", ""), ("DELETE", ""), ("POST", "/retry"), ("POST", "/clone")])
def test_a_viewer_changes_nothing(people, job_id, method, below):
    body = {"status": "cancelled"} if method == "PATCH" else None
    assert people.viewer.send(method, f"/api/jobs/{job_id}{below}", body).status == 403


def test_the_list_has_the_newest_first(people):
    ids = []
    for _ in range(3):
        people.ports.clock.tick(1)
        ids.append(people.owner.post("/api/jobs", JOB).json["job_id"])
    assert [each["job_id"] for each in people.owner.get("/api/jobs").json["items"]] == ids[::-1]


def test_a_stranger_s_list_is_empty(people, job_id):
    assert people.stranger.get("/api/jobs").json == {"items": [], "cursor": None}


def test_a_list_is_read_page_by_page_along_its_links(people):
    for _ in range(5):
        people.ports.clock.tick(1)
        people.owner.post("/api/jobs", JOB)
    seen, address = [], "/api/jobs?limit=2&text=Two"
    while address:
        page = people.owner.get(address)
        seen += [each["job_id"] for each in page.json["items"]]
        link = page.header("Link")
        address = link.split(">")[0].removeprefix("<") if link else ""
    assert len(set(seen)) == len(seen) == 5


def test_a_list_is_filtered(people, job_id):
    answers = [people.owner.get(f"/api/jobs?{query}").json["items"] for query in ("status=queued", "status=failed")]
    assert [len(each) for each in answers] == [1, 0]


def test_a_list_can_begin_and_end_at_a_moment(people, job_id):
    now = "2026-11-20T12:00:00Z"
    found = [len(people.owner.get(f"/api/jobs?{name}={now}").json["items"]) for name in ("since", "until")]
    assert (found, people.owner.get("/api/jobs?until=2026-11-20T11:59:59Z").json["items"]) == ([1, 1], [])


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=",
        "status=lost",
        "since=yesterday",
        "since=2026-11-20T12:00:00",
        "until=9999-12-31T23:59:59Z",
        "cursor=rubbish",
        "unknown=1",
        "limit=1&limit=2",
    ],
)
def test_a_query_with_faults_is_refused(people, query):
    assert people.owner.get(f"/api/jobs?{query}").status == 400


def test_cancelling(people, job_id):
    reply = people.owner.patch(f"/api/jobs/{job_id}", {"status": "cancelled"})
    assert (reply.status, reply.json["reason"]) == (202, "cancelled by ada@engines.example")


def test_cancelling_what_has_ended_is_a_conflict(people, job_id):
    end(people, job_id)
    assert people.owner.patch(f"/api/jobs/{job_id}", {"status": "cancelled"}).status == 409


@pytest.mark.parametrize("body", [{}, {"status": "ready"}, {"status": "cancelled", "name": "x"}, [], None])
def test_other_edits_are_refused(people, job_id, body):
    assert people.owner.patch(f"/api/jobs/{job_id}", body, headers={"Content-Type": "application/json"}).status == 400


def test_an_edit_of_what_was_read_is_made(people, job_id):
    tag = people.owner.get(f"/api/jobs/{job_id}").header("ETag")
    reply = people.owner.patch(f"/api/jobs/{job_id}", {"status": "cancelled"}, headers={"If-Match": tag})
    assert reply.status == 202


def test_an_edit_of_what_changed_meanwhile_is_refused(people, job_id):
    reply = people.owner.patch(f"/api/jobs/{job_id}", {"status": "cancelled"}, headers={"If-Match": '"old"'})
    assert (reply.status, people.owner.get(f"/api/jobs/{job_id}").json["reason"]) == (412, "")


def test_what_did_not_change_is_not_sent_again(people, job_id):
    tag = people.owner.get(f"/api/jobs/{job_id}").header("ETag")
    reply = people.owner.get(f"/api/jobs/{job_id}", headers={"If-None-Match": f'"x", {tag}'})
    assert (reply.status, reply.body, reply.header("ETag")) == (304, b"", tag)


def test_what_changed_is_sent(people, job_id):
    tag = people.owner.get(f"/api/jobs/{job_id}").header("ETag")
    people.owner.patch(f"/api/jobs/{job_id}", {"status": "cancelled"})
    assert people.owner.get(f"/api/jobs/{job_id}", headers={"If-None-Match": tag}).status == 200


def test_a_retry_is_shown_before_it_is_made(people, job_id):
    end(people, job_id)
    assert people.owner.get(f"/api/jobs/{job_id}/retry").json == {"keeps": [], "reruns": ["0001", "0002"]}


@pytest.mark.parametrize("body", [None, {}, {"from_order": 2}, {"from_order": "second"}, {"from_order": "0002"}])
def test_retrying(people, job_id, body):
    end(people, job_id)
    reply = people.owner.post(f"/api/jobs/{job_id}/retry", body)
    assert (reply.status, reply.json["status"]) == (202, "queued")


@pytest.mark.parametrize("order", ["third", 3, "0003"])
def test_retrying_from_an_unknown_order_is_not_found(people, job_id, order):
    end(people, job_id)
    assert people.owner.post(f"/api/jobs/{job_id}/retry", {"from_order": order}).status == 404


def test_retrying_what_runs_is_a_conflict(people, job_id):
    assert people.owner.post(f"/api/jobs/{job_id}/retry").status == 409


def test_cloning_with_changes(people, job_id):
    reply = people.owner.post(f"/api/jobs/{job_id}/clone", {"name": "Again"})
    assert (reply.status, reply.json["name"], reply.json["order_count"]) == (201, "Again", 2)


@pytest.mark.parametrize("body", [[], "x", 1, {"unknown": 1}, {"orders": []}])
def test_cloning_with_faults_is_refused(people, job_id, body):
    assert people.owner.post(f"/api/jobs/{job_id}/clone", body).status == 400


def test_deleting(people, job_id):
    end(people, job_id)
    assert people.owner.delete(f"/api/jobs/{job_id}").status == 204
    assert people.owner.get(f"/api/jobs/{job_id}").status == 404


def test_deleting_what_runs_is_a_conflict(people, job_id):
    assert people.owner.delete(f"/api/jobs/{job_id}").status == 409


def test_many_jobs_at_once_get_a_report_each(people, job_id):
    reply = people.owner.post("/api/jobs/bulk", {"action": "cancel", "job_ids": [job_id, "nothere"]})
    assert [(each["job_id"], each["ok"]) for each in reply.json["items"]] == [(job_id, True), ("nothere", False)]


def test_a_stranger_s_bulk_reaches_nothing(people, job_id):
    reply = people.stranger.post("/api/jobs/bulk", {"action": "cancel", "job_ids": [job_id]})
    assert (reply.json["items"][0]["ok"], people.owner.get(f"/api/jobs/{job_id}").json["reason"]) == (False, "")


def test_a_submission_can_be_read_and_sent_again(people, job_id):
    found = people.owner.get(f"/api/jobs/{job_id}/submission").json
    assert [each["cmds"] for each in found["orders"]] == [["true"], ["true"]]
    assert people.owner.post("/api/jobs", found).status == 201


def test_secrets_are_shown_by_name_only(people):
    job = make.submission(make.order(secrets={"TOKEN": "hush-hush"}))
    job_id = people.owner.post("/api/jobs", job).json["job_id"]
    answers = [people.owner.get(f"/api/jobs/{job_id}{below}") for below in ("", "/submission", "/events")]
    assert [b"hush" in each.body for each in answers] == [False, False, False]


def test_the_history(people, job_id):
    events = people.owner.get(f"/api/jobs/{job_id}/events").json["items"]
    assert [(each["kind"], each["actor"]) for each in events] == [("job.submitted", "ada@engines.example")]


def test_the_log_of_what_has_not_run_is_empty(people, job_id):
    reply = people.owner.get(f"/api/jobs/{job_id}/orders/0001/log")
    assert (reply.body, reply.header("X-Log-Next-Offset"), reply.header("X-Log-Complete")) == (b"", "0", "false")


@pytest.mark.parametrize("number", ["0", "3", "0003", "x", "-1", "1.0", "9999999999", "%D9%A1"])
def test_an_order_that_is_not_there_is_not_found(people, job_id, number):
    assert people.owner.get(f"/api/jobs/{job_id}/orders/{number}/log").status == 404


def test_the_artifacts_of_what_has_not_run_are_none(people, job_id):
    assert people.owner.get(f"/api/jobs/{job_id}/orders/1/artifacts").json == {"items": []}


@pytest.mark.parametrize("path", ["x", "..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a/b/c", "%00", "a%0d%0ab"])
def test_an_artifact_that_is_not_there_is_not_found(people, job_id, path):
    assert people.owner.get(f"/api/jobs/{job_id}/orders/1/artifacts/{path}").status == 404


@pytest.mark.parametrize("job", ["x", "%20", "..", "a%2fb", "%00", "%C3%A9", "job%23x"])
def test_a_job_that_is_not_there_is_not_found(people, job):
    assert people.owner.get(f"/api/jobs/{job}").status == 404


def test_a_second_client_of_the_same_user_sees_the_same(people, job_id):
    again = Client(people.wsgi, people.owner.token)
    assert again.get(f"/api/jobs/{job_id}").body == people.owner.get(f"/api/jobs/{job_id}").body


def test_a_list_and_a_job_show_the_same(people, job_id):
    whole = people.owner.get(f"/api/jobs/{job_id}").json
    del whole["orders"]
    (listed,) = people.owner.get("/api/jobs").json["items"]
    assert list(listed.items()) == [*{**whole, "created_at": "2026-11-20T12:00:00.000000Z"}.items()]


def test_a_generation_is_cloned_with_changes(people):
    factory = Factory(people.ports, people.caller(people.owner))
    job_id = factory.submit(num_records=4)
    reply = people.owner.post(f"/api/jobs/{job_id}/clone", {"num_records": 6, "name": "More"})
    assert (reply.status, reply.json["name"], reply.json["kind"]) == (201, "More", "generation")
