"""Every route of seed data, in both homes: owner, teammate, viewer and stranger."""

import json

import pytest

pytestmark = pytest.mark.integration

ROWS = b'name,author.name\nKettle,Ada\n"Blue, large",Grace\n'
RECORDS = [{"name": "Kettle", "author.name": "Ada"}, {"name": "Blue, large", "author.name": "Grace"}]


def upload(client, content, kind="text/csv", path="/api/seed-data?name=Products", **headers):
    return client.post(path, body=content, headers={"Content-Type": kind, **headers})


def made(client, content=ROWS, kind="text/csv"):
    reply = upload(client, content, kind)
    assert reply.status == 201, reply.text
    return reply.json["seed_data_id"]


def faults(reply):
    assert reply.status == 400, reply.text
    return [(each["place"], each["message"]) for each in reply.json["fields"]]


def records(client, seed_data_id, query=""):
    return client.get(f"/api/seed-data/{seed_data_id}/records{query}").json["records"]


def test_it_works(people):
    reply = upload(people.teammate, ROWS)
    shown = people.viewer.get(reply.header("Location")).json
    assert (shown["status"], shown["record_count"], shown["size"]) == ("ready", 2, len(ROWS))
    assert (shown["name"], shown["fields"]) == ("Products", ["name", "author.name"])
    assert records(people.viewer, shown["seed_data_id"]) == RECORDS


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/csv", ROWS),
        ("text/csv; charset=utf-8", b"\xef\xbb\xbf" + ROWS),
        ("application/octet-stream", ROWS.replace(b"\n", b"\r\n")),
        ("application/json", json.dumps(RECORDS, indent=2).encode()),
        ("application/jsonl", b"\n".join(json.dumps(each).encode() for each in RECORDS)),
        ("application/x-ndjson", b"".join(json.dumps(each).encode() + b"\n\n" for each in RECORDS)),
        ("application/octet-stream", json.dumps(RECORDS).encode()),
        ("application/octet-stream", b"\n".join(json.dumps(each).encode() for each in RECORDS)),
    ],
)
def test_every_format_is_read(people, kind, content):
    assert records(people.owner, made(people.owner, content, kind)) == RECORDS


def test_nested_values_stay_what_they_are(people):
    record = {"author": {"name": "Ada", "born": 1815}, "tags": ["a", None, 1.5, True]}
    assert records(people.owner, made(people.owner, json.dumps([record]).encode(), "application/json")) == [record]


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("text/csv", b"a,b\n1\n1,2\n1,2,3\n", [("line 2", "has 1 cells; the header has 2")]),
        ("text/csv", b"a,a\n1,2\n", [("line 1", "names the column `a` twice")]),
        ("text/csv", b"a,b\n", [("", "The file holds no records.")]),
        ("text/csv", b"a\n\xff\n", [("line 2", "is not UTF-8, at its byte 1")]),
        ("application/jsonl", b'{"a": 1}\n[2]\n', [("line 2", "must be an object: `{...}`")]),
        ("application/jsonl", b"{}\n", [("line 1", "has no fields")]),
        ("application/json", b'{"a": 1}', [("line 1", "must be a list of objects: `[{...}, {...}]`")]),
        ("application/json", b'[{"a": 1},\n\n{"a": }]', [("line 3", "is not JSON: Expecting value")]),
        ("application/json", b'[{"a": NaN}]', [("line 1", "NaN is no JSON")]),
    ],
)
def test_faults_are_told_with_their_lines(people, kind, content, expected):
    assert faults(upload(people.owner, content, kind))[:1] == expected


def test_a_file_with_faults_leaves_nothing(people, ports):
    upload(people.owner, b"a,b\n1,2\n1\n")
    assert people.owner.get("/api/seed-data").json["items"] == []
    assert list(ports.objects.list("seeds/")) == []


def test_the_first_hundred_faults_are_told(people):
    assert len(faults(upload(people.owner, b"a,b\n" + b"1\n" * 500))) == 100


@pytest.mark.parametrize("kind", ["text/plain", "image/png"])
def test_other_types_are_refused(people, kind):
    assert upload(people.owner, ROWS, kind).status == 415


def test_what_is_larger_than_a_request_is_sent_elsewhere(people):
    assert upload(people.owner, b"a\n" + b"x" * 4_500_000).status == 413


def test_a_repeated_request_keeps_one(people):
    for _ in range(2):
        assert upload(people.owner, ROWS, **{"Idempotency-Key": "once"}).status == 201
    assert len(people.owner.get("/api/seed-data").json["items"]) == 1


def test_a_viewer_looks_and_does_not_touch(people):
    seed_data_id = made(people.owner)
    assert upload(people.viewer, ROWS).status == 403
    assert people.viewer.delete(f"/api/seed-data/{seed_data_id}").status == 403


def test_a_stranger_finds_nothing(people):
    address = f"/api/seed-data/{made(people.owner)}"
    replies = [
        people.stranger.get(address),
        people.stranger.get(f"{address}/records"),
        people.stranger.post(f"{address}/complete"),
        people.stranger.delete(address),
    ]
    assert {each.status for each in replies} == {404}
    assert people.stranger.get("/api/seed-data").json["items"] == []


def test_the_newest_comes_first_page_by_page(people, ports):
    ids = []
    for _ in range(3):
        ids.append(made(people.owner))
        ports.clock.tick(1)
    first = people.owner.get("/api/seed-data?limit=2")
    rest = people.owner.get(f"/api/seed-data?limit=2&cursor={first.json['cursor']}").json
    assert [each["seed_data_id"] for each in first.json["items"] + rest["items"]] == ids[::-1]


def test_lists_are_searched(people):
    upload(people.owner, ROWS, path="/api/seed-data?name=Authors")
    made(people.owner)
    assert [each["name"] for each in people.owner.get("/api/seed-data?text=AUTH").json["items"]] == ["Authors"]


def test_records_are_read_from_any_place(people):
    content = b"n\n" + b"".join(b"%d\n" % number for number in range(4500))
    seed_data_id = made(people.owner, content)
    assert records(people.owner, seed_data_id, "?skip=1999&limit=2") == [{"n": "1999"}, {"n": "2000"}]
    assert records(people.owner, seed_data_id, "?skip=4499") == [{"n": "4499"}]
    assert records(people.owner, seed_data_id, "?skip=5000") == []


def test_what_is_deleted_is_gone_with_its_records(people, ports):
    address = f"/api/seed-data/{made(people.owner)}"
    assert people.owner.delete(address).status == 204
    assert people.owner.get(address).status == 404
    assert list(ports.objects.list("seeds/")) == []


def begin(client, **changes):
    reply = client.post("/api/seed-data/link", {"name": "Large", "format": "csv", **changes})
    assert reply.status == 201, reply.text
    return reply.json


def put(people, begun, content):
    """As the link does; what links do is in the contract of the objects port."""
    people.ports.objects.put(f"uploads/{people.tenant_id}/{begun['seed_data_id']}", content)


def test_a_file_goes_by_a_link(people, ports):
    begun = begin(people.owner)
    assert (begun["status"], begun["link"] != "") == ("uploading", True)
    put(people, begun, ROWS)
    done = people.teammate.post(f"/api/seed-data/{begun['seed_data_id']}/complete").json
    assert (done["status"], done["record_count"]) == ("ready", 2)
    assert list(ports.objects.list("uploads/")) == []


def test_a_faulty_file_by_a_link_says_what_is_wrong(people):
    begun = begin(people.owner)
    put(people, begun, b"a,b\n1\n")
    done = people.owner.post(f"/api/seed-data/{begun['seed_data_id']}/complete").json
    assert (done["status"], done["faults"][0]["place"]) == ("faulty", "line 2")
    assert people.owner.get(f"/api/seed-data/{begun['seed_data_id']}/records").status == 409


def test_completing_before_the_file_is_there_is_refused(people):
    assert people.owner.post(f"/api/seed-data/{begin(people.owner)['seed_data_id']}/complete").status == 409


def test_completing_twice_changes_nothing(people):
    begun = begin(people.owner)
    put(people, begun, ROWS)
    address = f"/api/seed-data/{begun['seed_data_id']}/complete"
    assert people.owner.post(address).json == people.owner.post(address).json


def test_records_are_made_up_for_a_template(people):
    body = {"template_id": "system-story", "count": 3, "seed": 7}
    first, again = (people.owner.post("/api/seed-data/generate", body).json for _ in range(2))
    shown = records(people.owner, first["seed_data_id"])
    assert (len(shown), sorted(shown[0])) == (3, ["author", "day_type", "mood"])
    assert shown == records(people.owner, again["seed_data_id"])


def test_a_stranger_makes_none_up_for_what_they_may_not_read(people):
    steps = [{"id": "a", "prompt": "{{ name }}"}]
    template_id = people.owner.post("/api/templates", {"name": "t", "steps": steps}).json["template_id"]
    reply = people.stranger.post("/api/seed-data/generate", {"template_id": template_id, "count": 1})
    assert reply.status == 404


def draft(client):
    body = {"template_id": "system-story", "budget_limit": 1, "num_records": 2, "start": False}
    reply = client.post("/api/jobs", body)
    assert reply.status == 201, reply.text
    return reply.json["job_id"]


FITTING = b"author.name,author.biography\nAda,She wrote. She counted.\n"


def test_a_draft_gets_its_seed_data(people):
    job_id = draft(people.owner)
    reply = upload(people.teammate, FITTING, path=f"/api/jobs/{job_id}/seed-data")
    assert (reply.status, reply.json["status"]) == (201, "ready")


def test_a_draft_does_not_get_what_does_not_fit(people):
    reply = upload(people.owner, ROWS, path=f"/api/jobs/{draft(people.owner)}/seed-data")
    assert reply.status == 400
    assert people.owner.get("/api/seed-data").json["items"] == []


def test_a_stranger_s_draft_is_not_found(people):
    reply = upload(people.stranger, FITTING, path=f"/api/jobs/{draft(people.owner)}/seed-data")
    assert (reply.status, people.stranger.get("/api/seed-data").json["items"]) == (404, [])


def test_changes_are_in_the_audit(people, ports):
    people.owner.delete(f"/api/seed-data/{made(people.owner)}")
    actions = [each.body["action"] for each in ports.documents.query(f"audit#{people.tenant_id}").items]
    assert actions[-2:] == ["seeds.upload", "seeds.delete"]
