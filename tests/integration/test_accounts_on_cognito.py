"""Accounts of the running product when a user pool has the people: the same answers as without one."""

import os
import re

import httpx
import pytest

from chalicelib.identity.cognito import create_pool
from tests import stores
from tests.mails import link_in
from tests.product import emulated_aws, running_over

pytestmark = pytest.mark.integration

PASSWORD, OTHER = "a long enough password", "an even longer password"


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cognito")
    with emulated_aws(folder) as aws, stores.client(aws, "cognito-idp") as cognito:
        pool = "/".join(create_pool(cognito, "millrace"))
        with running_over(aws, folder / "data", user_pool=pool, workers=0, web_processes=1) as product:
            yield product


@pytest.fixture
def nobody(product):
    with httpx.Client(base_url=product.url, timeout=30) as client:
        yield client


@pytest.fixture
def name():
    return os.urandom(6).hex()


@pytest.fixture
def email(name):
    return f"{name}@mill.example"


@pytest.fixture
def tokens(nobody, email, name):
    answer = nobody.post("/api/signup", json={"email": email, "password": PASSWORD, "organisation": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


def user(client, tokens):
    return client.get("/api/user", headers={"Authorization": f"Bearer {tokens['access_token']}"})


def login(client, email, password=PASSWORD):
    return client.post("/api/login", json={"email": email, "password": password})


def refresh(client, tokens):
    return client.post("/api/token/refresh", json={"refresh_token": tokens["refresh_token"]})


def test_signing_up_signs_in(nobody, email, name, tokens):
    me = user(nobody, tokens).json()
    assert (me["email"], me["organisation"], me["role"]) == (email, name, "admin")


def test_an_address_signs_up_once(nobody, email, tokens):
    again = nobody.post("/api/signup", json={"email": email.upper(), "password": PASSWORD, "organisation": "Two"})
    assert (again.status_code, again.json()["type"]) == (409, "/api/docs#email-taken")


def test_a_refused_sign_up_leaves_no_account(nobody, email, name, tokens):
    other = {"email": f"x{email}", "password": PASSWORD, "organisation": name}
    assert nobody.post("/api/signup", json=other).status_code == 409
    assert nobody.post("/api/signup", json={**other, "organisation": f"x{name}"}).status_code == 201


def test_whoever_knows_the_password_signs_in(nobody, email, tokens):
    assert user(nobody, login(nobody, email).json()).json()["email"] == email


def test_a_wrong_password_and_an_unknown_address_are_told_alike(nobody, email, tokens):
    wrong, unknown = login(nobody, email, OTHER), login(nobody, f"x{email}")
    assert (wrong.status_code, wrong.json()["detail"]) == (unknown.status_code, unknown.json()["detail"])
    assert wrong.status_code == 401


def test_a_refresh_token_works_once(nobody, tokens):
    fresh = refresh(nobody, tokens).json()
    assert user(nobody, fresh).status_code == 200
    assert refresh(nobody, tokens).status_code == 401


def test_a_refresh_token_that_was_used_twice_ends_the_session(nobody, tokens):
    fresh = refresh(nobody, tokens).json()
    refresh(nobody, tokens)
    assert (refresh(nobody, fresh).status_code, user(nobody, fresh).status_code) == (401, 401)


def test_signing_out_ends_the_session_at_once(nobody, tokens):
    signed_in = {"Authorization": f"Bearer {tokens['access_token']}"}
    body = {"refresh_token": tokens["refresh_token"]}
    assert nobody.post("/api/logout", json=body, headers=signed_in).status_code == 204
    assert (refresh(nobody, tokens).status_code, user(nobody, tokens).status_code) == (401, 401)


def test_a_forgotten_password_is_set_by_a_mailed_link(nobody, product, email, tokens):
    nobody.post("/api/password/forgot", json={"email": email})
    token = re.split("[/=]", link_in(product.letters(email)[-1]))[-1]
    assert nobody.post("/api/password/reset", json={"token": token, "password": OTHER}).status_code in (200, 204)
    assert [login(nobody, email, each).status_code for each in (PASSWORD, OTHER)] == [401, 200]
    assert user(nobody, tokens).status_code == 401


def test_a_password_is_changed(nobody, email, tokens):
    signed_in = {"Authorization": f"Bearer {tokens['access_token']}"}
    body = {"current": PASSWORD, "new": OTHER}
    answer = nobody.post("/api/user/password", json=body, headers=signed_in)
    assert answer.status_code in (200, 204), answer.text
    assert [login(nobody, email, each).status_code for each in (PASSWORD, OTHER)] == [401, 200]


def test_a_forged_token_is_refused(nobody, tokens):
    head, body, signature = tokens["access_token"].split(".")
    forged = {"access_token": f"{head}.{body}.{signature[:-8]}AAAAAAAA"}
    assert user(nobody, forged).status_code == 401


def test_pages_sign_in_and_out(nobody, email, tokens):
    form = {"email": email, "password": PASSWORD}
    inside = submit(nobody, "/login", form)
    assert (inside.status_code, "Sign out" in inside.text) == (200, True)
    submit(nobody, "/logout", {}, page="/jobs")
    assert "Sign out" not in nobody.get("/jobs", follow_redirects=True).text


def submit(client, action, form, page=""):
    """As a browser does, with the hidden fields of the page that the form is on."""
    shown = client.get(page or action).text
    hidden = dict(re.findall(r'<input type="hidden" name="(proof)" value="([^"]*)">', shown))
    return client.post(action, data={**hidden, **form}, follow_redirects=True)
