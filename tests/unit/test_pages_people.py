"""Account, members, invitations, forgotten passwords and the switch between organisations, with a browser."""

import re

import pytest

from chalicelib.accounts.members import operations as members
from chalicelib.accounts.model import Role
from frontend import session
from tests.client import Client
from tests.mails import last_link, mails
from tests.pages import Browser, signed_in
from tests.people import PASSWORD

ADA, NEW, KNOWN = "ada@engines.example", "alan@bletchley.example", "mallory@elsewhere.example"
LONGER = "another long password"


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def edsger(people):
    return signed_in(people, people.viewer)


@pytest.fixture
def mallory(people):
    return signed_in(people, people.stranger)


@pytest.fixture
def visitor(people):
    return Browser(people.wsgi)


def login(visitor, email=ADA, password=PASSWORD):
    return visitor.submit(visitor.get("/login"), "/login", email=email, password=password)


# Account


def test_the_account_page_tells_all_that_is_one_s_own(ada):
    words = ada.get("/account").words
    for each in (ADA, "Where you are signed in", "API keys in Engines", "Change your password", "Your organisations"):
        assert each in words


def test_a_changed_password_signs_in(ada, visitor):
    reply = ada.submit(ada.get("/account"), "/account/password", current=PASSWORD, new=LONGER)
    assert "Your password is changed" in ada.follow(reply).words
    assert login(visitor, password=LONGER).status == 303


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"current": "wrong", "new": LONGER}, "This is not your present password."),
        ({"current": PASSWORD, "new": "short"}, "It must have 10 to 200 characters."),
    ],
)
def test_a_password_that_is_not_changed_says_why(ada, fields, said):
    reply = ada.submit(ada.get("/account"), "/account/password", **fields)
    assert (reply.status, said in reply.text) == (400, True)


def test_other_sessions_are_listed_and_ended(people, ada):
    other = signed_in(people, people.owner)
    page = ada.get("/account")
    mine, theirs = (each.client.cookies[session.SESSION_COOKIE] for each in (ada, other))
    action = next(each.get("action") for each in page.all("form") if each.get("action").endswith("/end"))
    ada.submit(page, "/account/sessions/" + action.split("/")[3] + "/end")
    forms = [each for each in ada.get("/account").all("form") if each.get("action").endswith("/end")]
    assert len(forms) == sum(each.get("action").endswith("/end") for each in page.all("form")) - 1
    assert mine != theirs


def test_a_session_that_was_ended_is_signed_out(people, ada):
    other = signed_in(people, people.owner)
    page = other.get("/account")
    for form in [each for each in page.all("form") if each.get("action").endswith("/end")]:
        other.submit(page, form.get("action"))
    assert ada.leads_to("/account").startswith("/login")


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15) Version/19 Safari/605.1", "Safari on macOS"),
        ("python-httpx/0.28.1", "python-httpx/0.28.1"),
        ("", "A program"),
    ],
)
def test_sessions_are_called_by_what_they_run_on(people, agent, shown):
    visitor = Browser(people.wsgi)
    visitor.client.headers["User-Agent"] = agent
    login(visitor)
    assert shown in visitor.get("/account").words


def make_key(browser, **fields):
    return browser.submit(browser.get("/account"), "/account/keys", **{"name": "Build", "role": "viewer", **fields})


def test_a_key_is_shown_once(people, ada):
    reply = make_key(ada)
    text = re.search(r"mr_[0-9A-Z]+_[\w-]+", reply.text)[0]
    assert Client(people.wsgi, text).get("/api/user").json["role"] == "viewer"
    assert reply.header("Cache-Control") == "no-store"
    assert "mr_0" not in ada.get("/account").html


def test_a_key_without_a_name_is_refused_on_its_page(ada):
    reply = make_key(ada, name=" ")
    assert (reply.status, "It must have 1 to 100 characters." in reply.text) == (400, True)


def test_a_viewer_is_offered_no_more_than_their_role(edsger):
    page = edsger.get("/account")
    assert [each.get("value") for each in page.all("option")][:1] == ["viewer"]
    assert make_key(edsger, role="admin").status == 403


def test_a_key_is_revoked(people, ada):
    text = re.search(r"mr_[0-9A-Z]+_[\w-]+", make_key(ada).text)[0]
    page = ada.get("/account")
    action = next(each.get("action") for each in page.all("form") if each.get("action").endswith("/revoke"))
    assert "The key is revoked" in ada.follow(ada.submit(page, action)).words
    assert Client(people.wsgi, text).get("/api/user").status == 401


def test_an_address_is_confirmed_by_the_mail(people, ada):
    link = last_link(people.ports, ADA)
    assert "not confirmed yet" in ada.get("/account").words
    reply = ada.submit(ada.get(link), "/email/verify")
    assert "Your address is confirmed" in ada.follow(reply).words
    assert "not confirmed yet" not in ada.get("/account").words


def test_looking_at_the_link_confirms_nothing(people, visitor, ada):
    visitor.get(last_link(people.ports, ADA))
    assert "not confirmed yet" in ada.get("/account").words


# Forgotten passwords


def test_a_forgotten_password_is_replaced_and_signs_in(people, visitor):
    assert "Look into your mail" in visitor.submit(visitor.get("/password/forgot"), "/password/forgot", email=ADA).text
    page = visitor.get(last_link(people.ports, ADA))
    reply = visitor.submit(page, "/password/reset", password=LONGER)
    assert ADA in visitor.follow(reply).words


def test_the_page_says_the_same_where_there_is_no_account(people, visitor):
    before = len(mails(people.ports))
    page = visitor.get("/password/forgot")
    known = visitor.submit(page, "/password/forgot", email=ADA).text
    unknown = visitor.submit(page, "/password/forgot", email=KNOWN.replace("mallory", "nobody")).text
    assert re.sub(r"ada(@|%40)engines", r"nobody\1elsewhere", known) == unknown
    assert len(mails(people.ports)) == before + 1


def test_a_link_that_was_used_says_so(people, visitor):
    visitor.submit(visitor.get("/password/forgot"), "/password/forgot", email=ADA)
    page = visitor.get(last_link(people.ports, ADA))
    visitor.submit(page, "/password/reset", password=LONGER)
    again = Browser(people.wsgi)
    old = page.form("/password/reset").get("action")
    reply = again.submit(again.get(old), "/password/reset", password="a third password")
    assert (reply.status, "was used already" in reply.text) == (404, True)


def test_a_new_password_that_is_too_short_may_be_tried_again(people, visitor):
    visitor.submit(visitor.get("/password/forgot"), "/password/forgot", email=ADA)
    page = visitor.get(last_link(people.ports, ADA))
    assert visitor.submit(page, "/password/reset", password="short").status == 400
    assert visitor.submit(page, "/password/reset", password=LONGER).status == 303


# Members and invitations


def test_admins_see_who_is_there_and_what_can_be_done(ada):
    page = ada.get("/members")
    assert "edsger@engines.example" in page.words
    assert {"Send the invitation", "Change the role of edsger@engines.example"} <= {
        " ".join("".join(each.itertext()).split()) for each in page.all("button")
    }


def test_others_see_who_is_there_and_nothing_to_press(edsger):
    page = edsger.get("/members")
    assert "ada@engines.example" in page.words
    assert [each.get("action") for each in page.all("form") if each.get("method") == "post"] == ["/logout"]


def test_members_are_shown_by_role(ada):
    words = ada.get("/members?role=viewer").words
    assert "edsger@engines.example" in words
    assert "grace@engines.example" not in words


def test_a_role_is_changed(people, ada):
    user_id = people.caller(people.viewer).user_id
    reply = ada.submit(ada.get("/members"), f"/members/{user_id}/role", role="operator")
    assert "The role is changed" in ada.follow(reply).words
    assert people.caller(people.viewer).role is Role.OPERATOR


def test_the_last_admin_is_told_to_stay(people, ada):
    user_id = people.caller(people.owner).user_id
    reply = ada.submit(ada.get("/members"), f"/members/{user_id}/remove")
    assert (reply.status, "without an admin" in reply.text) == (422, True)


def test_a_member_is_removed(people, ada, edsger):
    user_id = people.caller(people.viewer).user_id
    ada.submit(ada.get("/members"), f"/members/{user_id}/remove")
    assert edsger.leads_to("/jobs").startswith("/login")


def invite(browser, email=NEW, role="viewer"):
    return browser.submit(browser.get("/members"), "/members/invitations", email=email, role=role)


def test_inviting(people, ada):
    page = ada.follow(invite(ada))
    assert "The invitation is mailed" in page.words
    assert NEW in page.words
    assert mails(people.ports)[-1]["To"] == NEW


def test_an_invitation_that_cannot_be_says_why(ada):
    invite(ada)
    reply = invite(ada)
    assert (reply.status, "is invited already" in reply.text) == (409, True)
    assert "must be an e-mail address" in invite(ada, "nobody").text


@pytest.mark.parametrize(("act", "said"), [("resend", "is mailed"), ("cancel", "is cancelled")])
def test_an_invitation_is_sent_again_or_cancelled(ada, act, said):
    invite(ada)
    page = ada.get("/members")
    action = next(each.get("action") for each in page.all("form") if each.get("action").endswith(act))
    assert said in ada.follow(ada.submit(page, action)).words


def test_somebody_new_accepts_and_is_in(people, ada, visitor):
    invite(ada)
    link = last_link(people.ports, NEW)
    page = visitor.get(link)
    assert "Choose a password" in page.words
    welcome = visitor.follow(visitor.submit(page, f"{link}/accept", password=LONGER))
    assert "you have joined" in welcome.words
    assert NEW in welcome.words


def test_a_password_that_is_too_short_may_be_tried_again(people, ada, visitor):
    invite(ada)
    link = last_link(people.ports, NEW)
    reply = visitor.submit(visitor.get(link), f"{link}/accept", password="short")
    assert (reply.status, "10 to 200 characters" in reply.text) == (400, True)


def test_who_is_signed_in_accepts_by_one_press_and_works_there(people, ada, mallory):
    invite(ada, KNOWN)
    link = last_link(people.ports, KNOWN)
    page = mallory.get(link)
    assert page.all("input", type="password") == []
    welcome = mallory.follow(mallory.submit(page, f"{link}/accept"))
    assert "Engines" in welcome.words


def test_who_has_an_account_signs_in_by_accepting(people, ada, visitor):
    invite(ada, KNOWN)
    link = last_link(people.ports, KNOWN)
    page = visitor.get(link)
    assert "Your password" in page.words
    assert visitor.submit(page, f"{link}/accept", password="").status == 400
    assert visitor.submit(page, f"{link}/accept", password="not this one").status == 401
    assert "Engines" in visitor.follow(visitor.submit(page, f"{link}/accept", password=PASSWORD)).words


def test_somebody_else_is_asked_to_sign_out_first(people, ada, mallory):
    invite(ada)
    link = last_link(people.ports, NEW)
    page = mallory.get(link)
    assert "You are signed in as mallory@elsewhere.example" in page.words
    assert [each for each in page.all("form") if each.get("action").endswith("/accept")] == []
    reply = mallory.post(f"{link}/accept", proof=session.proof_of(mallory.client.cookies[session.SESSION_COOKIE]))
    assert reply.status == 403


def test_declining(people, ada, visitor):
    invite(ada)
    link = last_link(people.ports, NEW)
    assert "You declined" in visitor.submit(visitor.get(link), f"{link}/decline").text
    assert "declined already" in visitor.get(link, status=409).words


def test_an_invitation_that_is_too_old_says_so(people, ada, visitor):
    invite(ada)
    people.ports.clock.tick(7 * 24 * 3600)
    assert "has expired" in visitor.get(last_link(people.ports, NEW), status=410).words


def test_an_unknown_invitation_says_so(visitor):
    assert "no such invitation" in visitor.get("/invitations/x", status=404).words


# Several organisations


@pytest.fixture
def both(people):
    """A browser of somebody who is at home elsewhere and looks into Engines."""
    members.add(people.ports, people.caller(people.owner), people.tenant_id, email=KNOWN, role=Role.VIEWER)
    return signed_in(people, people.stranger)


def test_who_is_in_one_organisation_needs_no_switch(ada):
    assert [each for each in ada.get("/jobs").all("form") if each.get("action") == "/account/organisation"] == []


def test_the_header_switches_to_another_organisation(people, both):
    page = both.get("/jobs")
    assert "Elsewhere" in page.words
    there = both.follow(both.submit(page, "/account/organisation", tenant_id=people.tenant_id))
    assert "You see every job of Engines here" in there.words


def test_a_switch_is_for_one_session(people, both):
    other = signed_in(people, people.stranger)
    both.submit(both.get("/jobs"), "/account/organisation", tenant_id=people.tenant_id)
    assert "New job" in other.get("/jobs").words


def test_nobody_switches_to_where_they_are_no_member(people, both, mallory, ada):
    page = ada.get("/account")
    assert "Elsewhere" not in page.words
    proof = session.proof_of(ada.client.cookies[session.SESSION_COOKIE])
    theirs = people.caller(people.stranger).tenant_id
    assert ada.post("/account/organisation", proof=proof, tenant_id=theirs).status == 404


def test_who_is_removed_where_they_are_goes_on_elsewhere(people, both):
    both.submit(both.get("/jobs"), "/account/organisation", tenant_id=people.tenant_id)
    gone = people.caller(people.stranger).user_id
    members.remove(people.ports, people.caller(people.owner), people.tenant_id, gone)
    assert "Elsewhere" in both.get("/jobs").words


# Viewers, and organisations that sleep


def test_viewers_see_nothing_to_submit_with(people, edsger):
    people.owner.post("/api/jobs", {"orders": [{"cmds": ["true"], "timeout": 9}]})
    page = edsger.get("/jobs")
    assert "New job" not in page.words
    assert [each.get("action") for each in page.all("form") if each.get("method") == "post"] == ["/logout"]
    assert page.all("input", type="checkbox") == []


def test_viewers_get_403_by_address(edsger):
    assert "You may not do this" in edsger.get("/jobs/new", status=403).words


def test_viewers_see_nothing_to_press_on_a_job(people, edsger):
    job = people.owner.post("/api/jobs", {"orders": [{"cmds": ["true"], "timeout": 9}]}).json["job_id"]
    assert [each.get("action") for each in edsger.get(f"/jobs/{job}").all("form")] == ["/logout"]
    assert "Clone" not in edsger.get(f"/jobs/{job}").words


def park(people):
    reason = {"reason": "Closed over the summer"}
    assert people.owner.post(f"/api/tenants/{people.tenant_id}/park", reason).status == 200


def test_in_a_parked_organisation_admins_look(people, ada):
    park(people)
    page = ada.get("/jobs")
    assert "Engines is parked" in page.words
    assert "New job" not in page.words


def test_a_parked_organisation_is_closed_to_the_others(people, edsger, visitor):
    park(people)
    assert "only its admins can sign in" in edsger.get("/jobs", status=403).words
    reply = login(visitor, "edsger@engines.example")
    assert (reply.status, "only its admins can sign in" in reply.text) == (403, True)
