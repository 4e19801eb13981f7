"""Whatever is sent, the answer is a refusal that says why, without a trace of code."""

import json

import pytest

from tests import make

WRONG = [None, True, 0, -1, 1.5, 10**30, "x", "", [], [[]], {}, {"a": 1}, "\x00", "\ud800"]
FIELDS = ["name", "orders", "job_timeout", "priority", "max_parallel", "presign_expiry", "username", "pr_number"]
ORDER_FIELDS = ["order_name", "cmds", "timeout", "dependencies", "must_succeed", "retries", "env_vars", "outputs"]
JSON = {"Content-Type": "application/json"}
TRACES = [b"Traceback", b".py", b"chalicelib", b"pydantic", b"File "]


def check_refusal(reply):
    assert 400 <= reply.status < 500
    assert reply.header("Content-Type") == "application/problem+json"
    assert reply.json["detail"]
    assert not [trace for trace in TRACES if trace in reply.body]


def check_no_fault_of_ours(reply):
    assert reply.status < 500
    assert not [trace for trace in TRACES if trace in reply.body]


@pytest.mark.parametrize("field", FIELDS)
def test_wrong_types_in_a_job(people, field):
    for value in WRONG:
        body = json.dumps({**make.submission(), field: value}).encode()
        check_no_fault_of_ours(people.owner.post("/api/jobs", body=body, headers=JSON))


@pytest.mark.parametrize("field", ORDER_FIELDS)
def test_wrong_types_in_an_order(people, field):
    for value in WRONG:
        body = json.dumps(make.submission({**make.order(), field: value})).encode()
        check_no_fault_of_ours(people.owner.post("/api/jobs", body=body, headers=JSON))


@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs/bulk", "/api/signup", "/api/login", "/api/token/refresh"])
def test_wrong_types_as_the_whole_body(people, path):
    for value in WRONG:
        check_refusal(people.owner.post(path, body=json.dumps(value).encode(), headers=JSON))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{} {}",
        b"nan",
        b'{"orders": NaN}',
        b'{"orders": Infinity}',
        b'{"orders": [], "orders": []}',
        b'{"a": {"b": 1, "b": 2}}',
        b'\xef\xbb\xbf{"orders": []}',
        b"\xff\xfe{",
        b'"\xff"',
        b'"\x00"',
        b"[" * 100_000,
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"1" * 10_000,
        b"-",
        b"'x'",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_not_strict_json(people, body):
    check_refusal(people.owner.post("/api/jobs", body=body, headers=JSON))


def test_a_syntax_fault_has_its_line_and_column(people):
    reply = people.owner.post("/api/jobs", body=b'{\n  "orders": x}', headers=JSON)
    assert reply.json["fields"][0]["place"] == "line 2, column 13"


def test_a_name_that_stands_twice_is_told(people):
    reply = people.owner.post("/api/jobs", body=b'{"orders": [], "orders": []}', headers=JSON)
    assert reply.json["fields"] == [{"place": "orders", "message": "stands here twice"}]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "x", "application/json2", ";"])
def test_other_content_types(people, kind):
    reply = people.owner.post("/api/jobs", body=b"{}", headers={"Content-Type": kind})
    assert reply.status == (400 if kind == ";" else 415)


@pytest.mark.parametrize("kind", ["application/json", "application/JSON; charset=utf-8", "application/json ;x=y"])
def test_json_is_taken_whatever_its_parameters(people, kind):
    body = json.dumps(make.submission()).encode()
    assert people.owner.post("/api/jobs", body=body, headers={"Content-Type": kind}).status == 201


@pytest.mark.parametrize("size", [4_500_001, 10_000_000])
def test_bodies_beyond_the_limit(people, size):
    reply = people.owner.post("/api/jobs", body=b" " * size, headers=JSON)
    assert (reply.status, reply.json["type"]) == (413, "/api/docs#too-large")


@pytest.mark.parametrize(
    "text",
    [
        b"a: &a [x]\nb: *a\n",
        b"a: !!python/object:os.system x",
        b"\xff",
        b"orders: [",
        b"a: 1\na: 2",
        b"- " * 10_000,
        b"{" * 10_000,
        b"? ",
        b"",
        b"x",
        b"orders: 2026-02-30",
        b"%",
        b"!!binary x",
        b"a: !!int x",
        b"[a]: b",
    ],
    ids=lambda text: repr(text[:30]),
)
def test_hostile_yaml(people, text):
    check_refusal(people.owner.post("/api/jobs", body=text, headers={"Content-Type": "application/yaml"}))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", "a\r\nSet-Cookie: x=1", "\x00", "..", "<script>", "a" * 101]
)
def test_tricks_in_an_order_s_name(people, name):
    check_refusal(people.owner.post("/api/jobs", make.submission(make.order(name))))


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a//b", "", "a\x00b", "a\nb", "."])
def test_tricks_in_an_output_s_path(people, path):
    check_refusal(people.owner.post("/api/jobs", make.submission(make.order(outputs=[path]))))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Request-Id": "x\r\nSet-Cookie: a=1"},
        {"traceparent": "00-\r\n-x-01"},
        {"If-None-Match": '"' * 10_000},
        {"Authorization": "Bearer " + "x" * 100_000},
        {"Cookie": "=" * 10_000},
        {"Range": "bytes=0-\r\n"},
        {"Accept": "\x00"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_tricks_in_headers(people, headers):
    reply = people.owner.get("/api/jobs", headers=headers)
    check_no_fault_of_ours(reply)
    assert not [value for _, value in reply.headers if "\r" in value or "\n" in value]


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "POST", "DELETE"])
def test_links_that_were_never_made(people, method):
    for token in ("", "x", "../../keys/tokens.json", "%00", "a.b.c", "%C3%A9", "%FF", "x/y", "." * 9999):
        assert people.nobody.send(method, f"/files/{token}").status in (404, 405)
