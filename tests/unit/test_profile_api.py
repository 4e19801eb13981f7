"""Password, sessions, API keys, verification: what is one's own, over REST."""

import re
from datetime import timedelta

import pytest

from tests.client import Client
from tests.mails import last_token, text_of
from tests.mails import mails as read_mails
from tests.people import PASSWORD

NEW = "difference engine"


@pytest.fixture
def mails(ports):
    """The mails in the outbox, oldest first."""
    return lambda: read_mails(ports)


@pytest.fixture
def token(ports):
    """That of the last mail to ada."""
    return lambda: last_token(ports, "ada@engines.example")


def login(people, email="ada@engines.example", password=PASSWORD):
    return people.nobody.post("/api/login", {"email": email, "password": password})


def places(reply):
    return [each["place"] for each in reply.json["fields"]]


def change(client, current=PASSWORD, new=NEW):
    return client.post("/api/user/password", {"current": current, "new": new})


def test_a_changed_password_signs_in(people):
    assert change(people.owner).status == 204
    assert (login(people).status, login(people, password=NEW).status) == (401, 200)


def test_the_present_password_is_asked_for(people):
    assert change(people.owner, current="something else").status == 401
    assert login(people).status == 200


def test_a_new_password_keeps_the_rules(people):
    assert places(change(people.owner, new="short")) == ["new"]


def test_a_changed_password_ends_all_other_sessions(people):
    other = Client(people.wsgi, login(people).json["access_token"])
    change(people.owner)
    assert (other.get("/api/user").status, people.owner.get("/api/user").status) == (401, 200)


def test_a_change_of_the_password_is_mailed(people, mails):
    change(people.owner)
    assert (mails()[-1]["To"], mails()[-1]["Subject"]) == ("ada@engines.example", "Your password was changed")


def forget(people, email="ada@engines.example"):
    return people.nobody.post("/api/password/forgot", {"email": email})


def reset(people, token, password=NEW):
    return people.nobody.post("/api/password/reset", {"token": token, "password": password})


def test_a_forgotten_password_is_replaced_by_a_mailed_link(people, token):
    assert forget(people).status == 202
    assert reset(people, token()).status == 204
    assert login(people, password=NEW).status == 200


def test_links_lead_to_where_the_service_is_reached(people, mails):
    forget(people)
    assert "http://127.0.0.1:8000/password/reset?token=" in text_of(mails()[-1])


def test_nobody_learns_whether_there_is_an_account(people, mails):
    known, unknown = forget(people), forget(people, "nobody@engines.example")
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert [each["To"] for each in mails()][-1] == "ada@engines.example"


def test_a_reset_link_works_once(people, token):
    forget(people)
    link = token()
    reset(people, link)
    assert reset(people, link, "another password").status == 404
    assert login(people, password=NEW).status == 200


def test_a_reset_link_lasts_an_hour(people, token):
    forget(people)
    people.ports.clock.tick(3600)
    assert reset(people, token()).status == 404


def test_a_reset_link_survives_a_password_with_faults(people, token):
    forget(people)
    link = token()
    assert places(reset(people, link, "short")) == ["password"]
    assert reset(people, link).status == 204


def test_a_reset_ends_all_sessions(people, token):
    forget(people)
    reset(people, token())
    assert people.owner.get("/api/user").status == 401


def test_a_mail_that_cannot_be_sent_tells_nothing_either(people, ports):
    (ports.settings.data / "outbox").rename(ports.settings.data / "kept")
    (ports.settings.data / "outbox").write_text("in the way")
    assert forget(people).status == 202


def test_one_mail_a_minute_is_sent(people, mails):
    before = len(mails())
    forget(people)
    forget(people)
    people.ports.clock.tick(60)
    forget(people)
    assert len(mails()) == before + 2


def test_the_link_of_a_mail_is_not_kept_in_clear(people, ports, token):
    forget(people)
    link = token()
    assert ports.documents.query(f"proof#reset#{link}").items == []


def verified(people):
    return people.owner.get("/api/user").json["email_verified"]


def test_signing_up_sends_a_mail_that_confirms_the_address(people, token):
    before = verified(people)
    people.nobody.post("/api/email/verify", {"token": token()})
    assert (before, verified(people)) == (False, True)


def test_the_mail_that_confirms_an_address_is_sent_again(people, token):
    people.ports.clock.tick(60)
    assert people.owner.post("/api/user/verification").status == 202
    people.nobody.post("/api/email/verify", {"token": token()})
    assert verified(people)
    assert people.owner.post("/api/user/verification").status == 409


def test_a_reset_confirms_the_address_too(people, token):
    forget(people)
    reset(people, token())
    people.owner.token = login(people, password=NEW).json["access_token"]
    assert verified(people)


def sessions(client):
    return client.get("/api/user/sessions").json["items"]


def test_sessions_are_listed_with_where_they_come_from(people):
    people.nobody.headers["User-Agent"] = "curl/8"
    login(people)
    found = {each["user_agent"]: each for each in sessions(people.owner)}
    assert (found["curl/8"]["address"], found["curl/8"]["kind"]) == ("192.0.2.1", "api")
    assert [each["current"] for each in found.values()].count(True) == 1


def test_a_session_tells_its_last_use_by_the_minute(people):
    people.ports.clock.tick(59)
    before = sessions(people.owner)[0]
    people.ports.clock.tick(1)
    after = sessions(people.owner)[0]
    assert (before["used_at"], after["used_at"]) == ("2026-11-20T12:00:00Z", "2026-11-20T12:01:00Z")


def test_a_revoked_session_ends_at_once(people):
    tokens = login(people).json
    other = Client(people.wsgi, tokens["access_token"])
    mine = next(each for each in sessions(other) if each["current"])
    assert people.owner.delete(f"/api/user/sessions/{mine['session_id']}").status == 204
    assert other.get("/api/user").status == 401
    assert people.nobody.post("/api/token/refresh", {"refresh_token": tokens["refresh_token"]}).status == 401


def test_what_is_done_to_an_account_is_in_the_audit(people, token):
    people.nobody.post("/api/email/verify", {"token": token()})
    change(people.owner)
    make_key(people.owner)
    login(people, password=NEW)
    other = next(each for each in sessions(people.owner) if not each["current"])
    people.owner.delete(f"/api/user/sessions/{other['session_id']}")
    kept = people.owner.get(f"/api/tenants/{people.tenant_id}/audit?limit=4").json["items"]
    assert [each["action"] for each in kept] == ["session.revoke", "key.create", "password.change", "email.verify"]


def test_nobody_ends_the_sessions_of_others(people):
    theirs = sessions(people.teammate)[0]["session_id"]
    assert people.owner.delete(f"/api/user/sessions/{theirs}").status == 404
    assert people.teammate.get("/api/user").status == 200


def test_signing_out_ends_the_access_token_too(people):
    tokens = login(people).json
    people.nobody.post("/api/logout", {"refresh_token": tokens["refresh_token"]})
    assert Client(people.wsgi, tokens["access_token"]).get("/api/user").status == 401


def test_a_refresh_token_used_twice_ends_the_access_token_too(people):
    tokens = login(people).json
    for _ in range(2):
        people.nobody.post("/api/token/refresh", {"refresh_token": tokens["refresh_token"]})
    assert Client(people.wsgi, tokens["access_token"]).get("/api/user").status == 401


def test_refreshing_keeps_a_session_for_another_month(people):
    tokens = login(people).json
    for _ in range(2):
        people.ports.clock.tick(timedelta(days=20).total_seconds())
        tokens = people.nobody.post("/api/token/refresh", {"refresh_token": tokens["refresh_token"]}).json
    assert Client(people.wsgi, tokens["access_token"]).get("/api/user").status == 200


def make_key(client, **fields):
    return client.post("/api/user/keys", {"name": "Build", "role": "operator", **fields})


def with_key(people, client, **fields):
    return Client(people.wsgi, make_key(client, **fields).json["key"])


def test_a_key_signs_in_as_its_user(people):
    program = with_key(people, people.owner)
    me = program.get("/api/user").json
    assert (me["email"], me["role"], me["organisation"]) == ("ada@engines.example", "operator", "Engines")


def test_a_key_looks_as_promised_and_is_shown_once(people):
    made = make_key(people.owner).json
    assert re.fullmatch(r"mr_[0-9A-Z]{26}_[\w-]{43}", made["key"])
    assert made["key"].startswith(f"mr_{made['key_id']}_")
    assert "key" not in people.owner.get("/api/user/keys").json["items"][0]


def test_only_the_hash_of_a_key_is_kept(people, ports):
    made = make_key(people.owner).json
    stored = ports.documents.query(f"apikey#{made['key_id']}").items
    assert made["key"] not in repr(stored)
    assert made["key"].rpartition("_")[2] not in repr(stored)


def test_the_answer_that_shows_a_key_is_not_kept_for_repetitions(people):
    bodies = [
        people.owner.post("/api/user/keys", {"name": "a", "role": "viewer"}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert bodies[0].json["key"] != bodies[1].json["key"]


def test_a_key_lasts_90_days(people):
    program = with_key(people, people.owner)
    people.ports.clock.tick(timedelta(days=90).total_seconds() - 1)
    assert program.get("/api/user").status == 200
    people.ports.clock.tick(1)
    reply = program.get("/api/user")
    assert (reply.status, "has expired" in reply.json["detail"]) == (401, True)


def test_a_key_may_last_shorter(people):
    program = with_key(people, people.owner, days=1)
    people.ports.clock.tick(timedelta(days=1).total_seconds())
    assert program.get("/api/user").status == 401


def test_a_revoked_key_ends_at_once(people):
    made = make_key(people.owner).json
    program = Client(people.wsgi, made["key"])
    program.get("/api/user")
    assert people.owner.delete(f"/api/user/keys/{made['key_id']}").status == 204
    assert program.get("/api/user").status == 401


def test_nobody_revokes_the_keys_of_others(people):
    made = make_key(people.teammate).json
    assert people.owner.delete(f"/api/user/keys/{made['key_id']}").status == 404


def last_use(people):
    return people.owner.get("/api/user/keys").json["items"][0]["used_at"]


def test_a_key_tells_its_last_use_by_the_minute(people):
    program = with_key(people, people.owner)
    before = last_use(people)
    program.get("/api/user")
    people.ports.clock.tick(59)
    program.get("/api/user")
    within = last_use(people)
    people.ports.clock.tick(1)
    program.get("/api/user")
    assert (before, within, last_use(people)) == (None, "2026-11-20T12:00:00Z", "2026-11-20T12:01:00Z")


def test_a_key_cannot_be_more_than_its_maker(people):
    assert make_key(people.viewer).status == 403
    assert make_key(people.viewer, role="viewer").status == 201


def test_a_key_shrinks_with_its_user(people, ports):
    program = with_key(people, people.teammate)
    user_id = people.caller(people.teammate).user_id
    people.owner.patch(f"/api/tenants/{people.tenant_id}/members/{user_id}", {"role": "viewer"})
    assert program.get("/api/user").json["role"] == "viewer"


def test_a_key_does_only_what_its_permissions_say(people):
    program = with_key(people, people.owner, permissions=["jobs.read", "account.read"])
    assert program.get("/api/jobs").status == 200
    refused = program.post("/api/jobs", {"orders": []})
    assert (refused.status, "jobs.write" in refused.json["detail"]) == (403, True)


def test_a_key_s_permissions_are_of_its_role(people):
    assert places(make_key(people.owner, permissions=["jobs.read", "members.write"])) == ["permissions[1]"]


def test_a_key_makes_no_keys(people):
    assert make_key(with_key(people, people.owner, role="admin"), role="viewer").status == 403


def test_a_key_works_in_its_own_organisation_only(people):
    program = with_key(people, people.owner)
    theirs = people.caller(people.stranger).tenant_id
    assert program.get("/api/user", headers={"X-Tenant-Id": theirs}).status == 404


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x" * 101}, {"name": "a\nb"}, {"days": 0}, {"days": 9999}])
def test_what_is_no_key_is_refused(people, fields):
    assert places(make_key(people.owner, **fields)) == list(fields)


@pytest.mark.parametrize("token", ["mr_", "mr__", "mr_x_y", "mr_#_x", "mr_" + "x" * 5000, "mr_é_x"])
def test_rubbish_is_no_key(people, token):
    assert Client(people.wsgi, token).get("/api/user").status == 401


def test_whoever_leaves_and_comes_back_needs_new_keys(people):
    program = with_key(people, people.teammate)
    path = f"/api/tenants/{people.tenant_id}/members"
    people.owner.delete(f"{path}/{people.caller(people.teammate).user_id}")
    people.ports.clock.tick(1)
    people.owner.post(path, {"email": "grace@engines.example", "role": "operator"})
    assert program.get("/api/user").status == 401
