"""Every form in which AWS hands over what was posted."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.accounts import keys
from chalicelib.accounts.model import Role
from chalicelib.handlers import process_webhook
from chalicelib.jobs import operations
from tests import make
from tests.posting import encoded, in_api_gateway, in_topic, payload, signed

JOB = make.submission()
BODY = json.dumps(payload(JOB)).encode()


@pytest.fixture
def key(people):
    return keys.create(people.ports, people.caller(people.owner), name="ci", role=Role.OPERATOR)[1]


def post(people, event):
    return process_webhook(people.ports, event, None)


def answered(reply):
    return reply["statusCode"], json.loads(reply["body"])["status"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("encode", [False, True])
def test_an_api_gateway_hands_a_request_over(people, key, version, encode):
    event = in_api_gateway(BODY, {"Authorization": f"Bearer {key}"}, version=version, encode=encode)
    assert answered(post(people, event)) == (200, "ok")


@pytest.mark.parametrize("version", [1, 2])
def test_a_signed_delivery_names_its_tenant_by_the_address(people, version):
    secret = people.owner.post(f"/api/tenants/{people.tenant_id}/webhook/secret").json["secret"]
    path = f"/prod/api/webhook/{people.tenant_id}"
    event = in_api_gateway(BODY, signed(secret, BODY, delivery="d-1"), version=version, path=path)
    assert answered(post(people, event)) == (200, "ok")


def test_the_address_may_come_as_a_parameter(people, key):
    event = in_api_gateway(BODY, {"Authorization": f"Bearer {key}"}, path="/x")
    assert answered(post(people, {**event, "pathParameters": {"tenant_id": people.tenant_id}}))[0] == 200


def test_headers_may_come_in_lists_alone(people, key):
    event = in_api_gateway(BODY, {})
    several = {"headers": None, "multiValueHeaders": {"Authorization": [f"Bearer {key}"]}}
    assert answered(post(people, {**event, **several})) == (200, "ok")


@pytest.mark.parametrize("encode", [False, True])
def test_a_bare_body_brings_its_key_along(people, key, encode):
    body = json.dumps(payload(JOB, api_key=key))
    event = {"body": base64.b64encode(body.encode()).decode() if encode else body, "isBase64Encoded": encode}
    assert answered(post(people, event)) == (200, "ok")


def test_a_direct_call_gets_the_answer_itself(people, key):
    answer = post(people, payload(JOB, api_key=key, run_id="nightly20261120"))
    assert (answer["status"], answer["run_id"]) == ("ok", "nightly20261120")


def test_a_topic_hands_a_message_over(people, key):
    assert post(people, in_topic(json.dumps(payload(JOB, api_key=key))))["status"] == "ok"


def test_all_records_of_an_event_are_read(people, key):
    messages = [json.dumps(payload(make.submission(name=name), api_key=key)) for name in "ab"]
    answers = post(people, in_topic(*messages))["answers"]
    assert len({each["run_id"] for each in answers}) == 2


def test_a_message_that_comes_again_makes_no_second_job(people, key):
    event = in_topic(json.dumps(payload(JOB, api_key=key)))
    assert post(people, event) == post(people, event)


def test_the_key_is_kept_nowhere(people, key):
    run_id = post(people, payload(JOB, api_key=key))["run_id"]
    found = people.ports.documents.query(f"job#{run_id}", limit=100).items
    assert key not in repr([each.body for each in found])


def test_a_call_without_a_key_is_refused(people):
    assert post(people, payload(JOB))["status"] == "error"


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {},
        {"body": None},
        {"body": 5},
        {"body": "{"},
        {"body": "[]"},
        {"body": "%%%", "isBase64Encoded": True},
        {"body": {"job_parameters_b64": 5}},
        {"body": {"run_id": 2**70}},
        {"run_id": 2**70},
        {"Records": []},
        {"Records": [None]},
        {"Records": [{"Sns": None}]},
        {"Records": [{"Sns": {"Message": "{", "MessageId": 5}}]},
        {"Records": [{"Sns": {"Message": "null"}}]},
        {"requestContext": None, "headers": {"Authorization": 5}},
        {"requestContext": {"http": "x"}, "headers": [], "body": "{}"},
        {"requestContext": {}, "headers": {"X-Hub-Signature-256": "x"}, "path": "/api/webhook/x", "body": "{}"},
        {"job_parameters_b64": float("inf")},
        {"api_key": {"a": 1}, "job_parameters_b64": "x"},
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_answered_with_errors(people, event):
    answer = post(people, event)
    status = answer.get("statusCode", 400)
    told = json.loads(answer["body"]) if "body" in answer else answer
    assert (400 <= status < 500, told["status"], bool(told["errors"])) == (True, "error", True)


def test_errors_over_http_have_their_status(people, key):
    event = in_api_gateway(b"{}", {"Authorization": f"Bearer {key}"})
    assert answered(post(people, event)) == (400, "error")


def test_the_job_is_there(people, key):
    run_id = post(people, {"job_parameters_b64": encoded(JOB), "api_key": key})["run_id"]
    assert operations.get_job(people.ports, people.caller(people.owner), run_id).name == "only"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    [
        "headers",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
        "Records",
        "Sns",
        "Message",
        "requestContext",
        "pathParameters",
        "path",
        "rawPath",
        "job_parameters_b64",
        "run_id",
        "trace_id",
        "done_endpt",
    ]
)
FIELDS = st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=4), max_size=6)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=FIELDS)
def test_no_event_makes_it_fall_over(people, key, event):
    answer = post(people, event)
    assert 400 <= answer.get("statusCode", 400) < 500


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=FIELDS, event=st.sampled_from(["", "push", "pull_request", "repository_dispatch", "star"]))
def test_no_payload_makes_it_fall_over(people, key, fields, event):
    headers = {"Authorization": f"Bearer {key}", "X-GitHub-Event": event}
    body = json.dumps(fields).encode(errors="replace")
    assert post(people, in_api_gateway(body, headers))["statusCode"] in (200, 400, 409, 422)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(job=st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()))
def test_no_job_makes_it_fall_over(people, key, job):
    answer = post(people, {"job_parameters_b64": base64.b64encode(job).decode(), "api_key": key})
    assert answer["status"] == "error"
