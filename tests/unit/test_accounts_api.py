from datetime import timedelta

import pytest

from chalicelib.accounts.members import operations as members
from tests.client import environ
from tests.people import PASSWORD

SIGNUP = {"email": "new@somewhere.example", "password": "long enough", "organisation": "Somewhere"}


def places(reply):
    return [each["place"] for each in reply.json["fields"]]


def test_signing_up_signs_in(people):
    reply = people.nobody.post("/api/signup", SIGNUP)
    assert (reply.status, set(reply.json)) == (201, {"access_token", "refresh_token", "expires_in"})


def test_whoever_signs_up_is_the_admin_of_their_organisation(people):
    people.nobody.token = people.nobody.post("/api/signup", SIGNUP).json["access_token"]
    me = people.nobody.get("/api/user").json
    assert (me["email"], me["organisation"], me["role"]) == ("new@somewhere.example", "Somewhere", "admin")


def test_an_address_signs_up_once(people):
    reply = people.nobody.post("/api/signup", {**SIGNUP, "email": "ADA@engines.example"})
    assert (reply.status, reply.json["type"]) == (409, "/api/docs#email-taken")


@pytest.mark.parametrize("name", ["Engines", "engines", " ENGINES "])
def test_an_organisation_s_name_is_given_once(people, name):
    reply = people.nobody.post("/api/signup", {**SIGNUP, "organisation": name})
    assert (reply.status, reply.json["type"]) == (409, "/api/docs#organisation-taken")


def test_a_refused_sign_up_leaves_no_account(people):
    people.nobody.post("/api/signup", {**SIGNUP, "organisation": "Engines"})
    assert people.nobody.post("/api/signup", SIGNUP).status == 201


def test_all_faults_of_a_sign_up_come_at_once(people):
    reply = people.nobody.post("/api/signup", {"email": "no", "password": "short", "organisation": "x"})
    assert (reply.status, places(reply)) == (400, ["email", "password", "organisation"])


def test_missing_and_unknown_fields_are_named(people):
    reply = people.nobody.post("/api/signup", {"email": "a@b.example", "passwd": "x"})
    assert sorted(places(reply)) == ["organisation", "passwd", "password"]


@pytest.mark.parametrize(
    "email",
    ["", "a", "a@b", "@b.c", "a@b..c", "a b@c.d", "a@b.c\nx", "a\x00@b.c", f"{'a' * 65}@b.c", f"a@{'b' * 260}.c"],
)
def test_what_is_no_address_is_refused(people, email):
    reply = people.nobody.post("/api/signup", {**SIGNUP, "email": email})
    assert places(reply) == ["email"]


@pytest.mark.parametrize("name", ["a", "a" * 101, "a/b", "<b>", "-a", "a\tb", "a_b", ""])
def test_what_is_no_organisation_s_name_is_refused(people, name):
    assert places(people.nobody.post("/api/signup", {**SIGNUP, "organisation": name})) == ["organisation"]


@pytest.mark.parametrize("name", ["O'Neil-Smith 2", "Zürich", "日本 Engines"])
def test_names_of_all_languages_are_taken(people, name):
    assert people.nobody.post("/api/signup", {**SIGNUP, "organisation": name}).status == 201


@pytest.mark.parametrize("wrong", [None, 7, [], {}, True])
def test_wrong_types_are_faults(people, wrong):
    assert places(people.nobody.post("/api/signup", {**SIGNUP, "password": wrong})) == ["password"]


def login(people, email="ada@engines.example", password=PASSWORD):
    return people.nobody.post("/api/login", {"email": email, "password": password})


def test_signing_in(people):
    people.nobody.token = login(people).json["access_token"]
    assert people.nobody.get("/api/user").json["email"] == "ada@engines.example"


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(people):
    wrong, unknown = login(people, password="something else"), login(people, email="nobody@engines.example")
    assert (wrong.status, wrong.json["detail"]) == (unknown.status, unknown.json["detail"])


def test_the_fifth_failure_locks(people):
    for _ in range(5):
        assert login(people, password="wrong").status == 401
    assert login(people).status == 429


def test_failures_from_before_an_account_do_not_keep_its_owner_out(people):
    for _ in range(6):
        login(people, email=SIGNUP["email"], password="wrong")
    assert people.nobody.post("/api/signup", SIGNUP).status == 201


def test_a_lock_says_when_to_come_again(people):
    for _ in range(5):
        login(people, password="wrong")
    people.ports.clock.tick(10)
    assert login(people).header("Retry-After") == "20"


def test_a_lock_ends(people):
    for _ in range(5):
        login(people, password="wrong")
    people.ports.clock.tick(30)
    assert login(people).status == 200


def test_locks_grow(people):
    for _ in range(5):
        login(people, password="wrong")
    people.ports.clock.tick(30)
    login(people, password="wrong")
    assert login(people).header("Retry-After") == "60"


def test_signing_in_forgets_the_failures(people):
    for _ in range(4):
        login(people, password="wrong")
    login(people)
    assert login(people, password="wrong").status == 401
    assert login(people).status == 200


def test_a_lock_is_for_one_network_address(people):
    for _ in range(5):
        login(people, password="wrong")
    body = b'{"email": "ada@engines.example", "password": "correct horse battery"}'
    made = environ("POST", "/api/login", body, {"Content-Type": "application/json"})
    told = []
    people.wsgi({**made, "REMOTE_ADDR": "198.51.100.7"}, lambda status, _: told.append(status))
    assert told == ["200 OK"]


def test_refreshing(people):
    tokens = login(people).json
    fresh = people.nobody.post("/api/token/refresh", {"refresh_token": tokens["refresh_token"]})
    assert (fresh.status, fresh.json["refresh_token"] != tokens["refresh_token"]) == (200, True)


def test_signing_out_ends_the_refresh_token(people):
    token = {"refresh_token": login(people).json["refresh_token"]}
    assert people.nobody.post("/api/logout", token).status == 204
    assert people.nobody.post("/api/token/refresh", token).status == 401


def test_an_expired_access_token_is_refused(people):
    people.ports.clock.tick(timedelta(minutes=15).total_seconds())
    reply = people.owner.get("/api/user")
    assert (reply.status, reply.header("WWW-Authenticate")) == (401, 'Bearer realm="millrace"')


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "token"])
def test_other_headers_sign_nobody_in(people, header):
    assert people.nobody.get("/api/user", headers={"Authorization": header}).status == 401


def test_cookies_do_not_sign_in_to_the_api(people):
    reply = people.nobody.get("/api/user", headers={"Cookie": f"millrace_session={people.owner.token}"})
    assert reply.status == 401


def test_a_membership_that_ends_ends_the_access_at_once(people, ports):
    caller = people.caller(people.teammate)
    members.remove(ports, people.caller(people.owner), people.tenant_id, caller.user_id)
    assert people.teammate.get("/api/user").status == 401


def test_roles_are_those_of_the_moment(people):
    assert [people.teammate.get("/api/user").json["role"], people.viewer.get("/api/user").json["role"]] == [
        "operator",
        "viewer",
    ]
