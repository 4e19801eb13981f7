import pytest

from chalicelib import claims, idempotency
from chalicelib.accounts import operations
from chalicelib.accounts.permissions import Permission
from chalicelib.application import Outside
from chalicelib.clock import to_text
from chalicelib.documents import Put
from chalicelib.errors import Unavailable
from chalicelib.exchange import json_answer
from chalicelib.files import Files
from chalicelib.gateway import Gateway
from chalicelib.rest import Blueprint
from chalicelib.web import Application
from tests import make
from tests.client import Client
from tests.people import ORIGIN, PASSWORD

KEY = {"Idempotency-Key": "abc-1"}
JOB = make.submission()
made = []
fates = []
things = Blueprint("tests.idempotent", group="Things")


@things.api("POST", "/api/things", permission=Permission.JOBS_WRITE, summary="Make", answers={201: dict})
def make_thing(request):
    made.append(request.new_id())
    fate = fates.pop() if fates else None
    if isinstance(fate, Exception | type):
        raise fate
    if fate:
        fate(request)
    return json_answer({"id": made[-1]}, 201, {"Location": f"/api/things/{made[-1]}"})


@pytest.fixture
def maker(people):
    made.clear()
    fates.clear()
    app = Application(lambda: people.ports, outside=Outside())
    app.register_blueprint(things)
    return Client(Gateway(app, Files(people.ports)), people.owner.token)


def submit(person, key="abc-1", job=JOB):
    return person.post("/api/jobs", job, headers={"Idempotency-Key": key})


def test_the_same_request_is_done_once(people):
    first, again = submit(people.owner), submit(people.owner)
    assert (first.status, again.status, again.body) == (201, 201, first.body)


def test_the_second_answer_says_that_it_is_the_first(people):
    replies = [submit(people.owner), submit(people.owner)]
    assert [each.header("Idempotent-Replayed") for each in replies] == [None, "true"]


def test_headers_are_repeated_too(people):
    assert submit(people.owner).header("Location") == submit(people.owner).header("Location")


def test_one_job_is_made(people):
    for _ in range(3):
        submit(people.owner)
    assert len(people.owner.get("/api/jobs").json["items"]) == 1


def test_another_body_under_the_same_key_is_refused(people):
    submit(people.owner)
    reply = submit(people.owner, job={**JOB, "name": "Another"})
    assert (reply.status, reply.json["type"]) == (422, "/api/docs#idempotency-key-reused")


def test_another_query_under_the_same_key_is_refused(maker):
    maker.post("/api/things", headers=KEY)
    assert maker.post("/api/things?x=1", headers=KEY).status == 422


def test_another_address_has_keys_of_its_own(people):
    job_id = submit(people.owner).json["job_id"]
    assert people.owner.post(f"/api/jobs/{job_id}/clone", headers=KEY).status == 201


@pytest.mark.parametrize("other", ["teammate", "stranger"])
def test_another_user_has_keys_of_their_own(people, other):
    assert submit(people.owner).json["job_id"] != submit(getattr(people, other)).json["job_id"]


def test_a_refusal_is_repeated_too(people):
    replies = [submit(people.owner, job={"orders": []}) for _ in range(2)]
    assert [each.status for each in replies] == [400, 400]
    assert replies[0].body == replies[1].body


def test_a_key_is_forgotten_after_a_day(people, maker):
    maker.post("/api/things", headers=KEY)
    people.ports.clock.tick(idempotency.KEPT.total_seconds())
    maker.token = operations.login(
        people.ports, email="ada@engines.example", password=PASSWORD, origin=ORIGIN
    ).access_token
    maker.post("/api/things", headers=KEY)
    assert len(set(made)) == 2


def test_a_request_that_is_under_way_is_not_done_twice(maker):
    replies = []
    fates.append(lambda _: replies.append(maker.post("/api/things", headers=KEY)))
    maker.post("/api/things", headers=KEY)
    assert (replies[0].status, replies[0].json["type"]) == (409, "/api/docs#idempotency-in-flight")
    assert len(made) == 1


def test_after_a_fault_of_ours_it_may_be_sent_again_at_once(maker):
    fates.append(Unavailable("The database is away."))
    assert [maker.post("/api/things", headers=KEY).status for _ in range(2)] == [503, 201]


def test_whoever_takes_over_makes_the_same_thing(maker):
    fates.append(RuntimeError("crash"))
    replies = [maker.post("/api/things", headers=KEY) for _ in range(2)]
    assert (replies[1].json["id"], len(set(made))) == (made[0], 1)


def leave_behind(people, maker):
    """A claim of a process that died before it recorded an answer."""
    fates.append(lambda request: claimed.append(request.claimed_id))
    claimed = []
    maker.post("/api/things", headers=KEY)
    caller = people.caller(people.owner)
    place = people.ports.documents.query(f"idempotency#{caller.tenant_id}#{caller.user_id}").items[0]
    lease = to_text(people.ports.clock.now() + claims.LEASE)
    body = {"fingerprint": place.body["fingerprint"], "made_id": claimed[0], "leased_until": lease}
    people.ports.documents.transact([Put(place.key, body)])
    return claimed[0]


def test_a_crashed_request_blocks_until_its_lease_ends(people, maker):
    leave_behind(people, maker)
    assert maker.post("/api/things", headers=KEY).status == 409


def test_a_crashed_request_is_taken_over_when_its_lease_ends(people, maker):
    made_id = leave_behind(people, maker)
    people.ports.clock.tick(claims.LEASE.total_seconds())
    assert maker.post("/api/things", headers=KEY).json["id"] == made_id


def test_two_that_take_over_at_once_end_as_one(people, maker):
    leave_behind(people, maker)
    people.ports.clock.tick(claims.LEASE.total_seconds())
    replies = []
    fates.append(lambda _: replies.append(maker.post("/api/things", headers=KEY)))
    assert (maker.post("/api/things", headers=KEY).status, replies[0].status) == (201, 409)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "\x7f", "\xe9"])
def test_a_key_that_is_none_is_refused(people, key):
    assert submit(people.owner, key=key).status == 400
