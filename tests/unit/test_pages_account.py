"""Signing up, in and out with a browser."""

import pytest

from chalicelib.accounts.members import operations as members
from frontend import session
from tests.pages import Browser, signed_in
from tests.people import PASSWORD


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def visitor(people):
    return Browser(people.wsgi)


GRACE = {"email": "grace@navy.example", "password": PASSWORD, "organisation": "Navy"}


def test_a_visitor_sees_what_it_is_about(visitor):
    assert "Submit a job. Watch every step." in visitor.get("/").words


def test_who_is_signed_in_comes_to_the_jobs_at_once(ada):
    assert ada.leads_to("/") == "/jobs"
    assert ada.leads_to("/login") == "/jobs"


def test_signing_up_signs_in(visitor):
    reply = visitor.submit(visitor.get("/signup"), "/signup", **GRACE)
    assert "grace@navy.example" in visitor.follow(reply).words


def test_a_sign_up_with_faults_keeps_what_was_typed_but_not_the_password(visitor):
    reply = visitor.submit(visitor.get("/signup"), "/signup", **{**GRACE, "email": "grace", "password": "short"})
    assert reply.status == 400
    assert 'value="Navy"' in reply.text
    assert "short" not in reply.text


def test_a_sign_up_says_which_field_is_at_fault(visitor):
    page = visitor.get("/signup")
    assert "10 to 200 characters" in visitor.submit(page, "/signup", **{**GRACE, "password": "short"}).text
    assert "is taken" in visitor.submit(page, "/signup", **{**GRACE, "organisation": "engines"}).text
    taken = visitor.submit(page, "/signup", **{**GRACE, "email": "ada@engines.example"})
    assert "There is an account with this address" in taken.text


def test_signing_in_leads_to_the_page_that_was_asked_for(visitor):
    asked = visitor.leads_to("/jobs?status=failed")
    assert asked == "/login?next=%2Fjobs%3Fstatus%3Dfailed"
    reply = visitor.submit(visitor.get(asked), "/login", email="ada@engines.example", password=PASSWORD)
    assert reply.header("Location") == "/jobs?status=failed"


@pytest.mark.parametrize(
    "address", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\nb", "\\/e", ""]
)
def test_signing_in_leads_nowhere_else(address):
    assert session.local_path(address) == ""


def test_a_wrong_password_says_no_more_than_that(visitor):
    page = visitor.get("/login")
    wrong = visitor.submit(page, "/login", email="ada@engines.example", password="not this one")
    unknown = visitor.submit(page, "/login", email="nobody@engines.example", password="not this one")
    assert [wrong.status, unknown.status] == [401, 401]
    assert wrong.text.replace("ada@", "nobody@").replace("ada%40", "nobody%40") == unknown.text


def test_signing_out_ends_the_session_at_once(people, ada):
    token = ada.client.cookies[session.SESSION_COOKIE]
    assert ada.submit(ada.get("/account"), "/logout").status == 303
    assert Browser(people.wsgi, token).leads_to("/jobs") == "/login?next=%2Fjobs"


def test_a_session_ends_after_a_month(ports, ada):
    ports.clock.tick(session.LIFE.total_seconds() + 1)
    assert ada.leads_to("/account") == "/login?next=%2Faccount"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(visitor):
    cookie = visitor.submit(visitor.get("/signup"), "/signup", **GRACE).header("Set-Cookie")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000")


def test_cookies_of_others_do_not_hide_ours(people, ada):
    ada.client.cookies = {"theirs": '{"a": [1;2]}', **ada.client.cookies}
    assert "ada@engines.example" in ada.get("/account").words


def test_the_token_is_not_kept_in_clear(ports, ada):
    token = ada.client.cookies[session.SESSION_COOKIE]
    user_id = token.partition(".")[0]
    kept = ports.documents.query(f"user#{user_id}").items
    assert [each for each in kept if token.partition(".")[2] in repr(each)] == []


@pytest.mark.parametrize("proof", ["", "0" * 64, "é"])
def test_a_form_without_our_proof_is_refused(ada, proof):
    reply = ada.post("/logout", proof=proof)
    assert reply.status == 403
    assert "out of date" in reply.text


def test_a_form_of_another_session_is_refused(people, ada):
    other = signed_in(people, people.stranger).get("/account")
    assert ada.submit(other, "/logout").status == 403


@pytest.mark.parametrize("header", [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")])
def test_a_form_sent_from_another_site_is_refused(ada, header):
    page = ada.get("/account")
    ada.client.headers.update([header])
    assert ada.submit(page, "/logout").status == 403


def test_a_form_sent_from_our_own_page_is_taken(ada):
    page = ada.get("/account")
    ada.client.headers.update({"Origin": "http://millrace.test", "Sec-Fetch-Site": "same-origin"})
    assert ada.submit(page, "/logout").status == 303


def test_the_account_page_says_who_one_is(ada):
    words = ada.get("/account").words
    assert "ada@engines.example" in words
    assert "Engines" in words


def test_a_session_of_someone_who_is_no_member_any_more_is_none(people):
    browser = signed_in(people, people.teammate)
    gone = people.caller(people.teammate).user_id
    members.remove(people.ports, people.caller(people.owner), people.tenant_id, gone)
    assert browser.leads_to("/jobs").startswith("/login")
