import json

import pytest

from tests import make
from tests.pages import signed_in
from tests.posting import payload, signed


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


def make_secret(ada):
    shown = ada.submit(ada.get("/webhook"), "/webhook/secret")
    return shown.text.partition('aria-label="Secret">')[2].partition("<")[0]


def deliver(people, secret, data):
    body = json.dumps(data).encode()
    headers = signed(secret, body, event="repository_dispatch", delivery="d-1")
    return people.nobody.post(f"/api/webhook/{people.tenant_id}", body=body, headers=headers).json


def test_the_page_says_where_to_post(ada, people):
    page = ada.get("/webhook")
    assert f"/api/webhook/{people.tenant_id}" in page.words
    assert "There is no secret" in page.words


def test_a_secret_is_shown_once_and_works(ada, people):
    secret = make_secret(ada)
    assert secret not in ada.get("/webhook").html
    assert deliver(people, secret, {"client_payload": payload(make.submission())})["status"] == "ok"


def test_what_came_is_listed_with_its_job(ada, people):
    secret = make_secret(ada)
    run_id = deliver(people, secret, {"client_payload": payload(make.submission())})["run_id"]
    page = ada.get("/webhook")
    assert ("repository_dispatch" in page.words, run_id in page.words, "Taken" in page.words) == (True, True, True)


def test_a_refused_delivery_says_why(ada, people):
    deliver(people, make_secret(ada), {"client_payload": {}})
    assert "job_parameters_b64: is required" in ada.get("/webhook").words


def test_no_more_is_taken_when_it_is_closed(ada, people):
    secret = make_secret(ada)
    page = ada.follow(ada.submit(ada.get("/webhook"), "/webhook/close"))
    assert "not taken any more" in page.words
    assert deliver(people, secret, {})["status"] == "error"


def test_the_job_and_the_token_are_kept(ada):
    job = "orders:\n- {cmds: [make test], timeout: 600}"
    page = ada.follow(ada.submit(ada.get("/webhook"), "/webhook", job=job, token="ghp_3f9a"))
    assert ("make test" in page.words, "ghp_3f9a" in page.html, "not shown" in page.html) == (True, False, True)


def test_a_token_that_is_left_empty_stays(ada):
    ada.submit(ada.get("/webhook"), "/webhook", token="ghp_3f9a")
    ada.submit(ada.get("/webhook"), "/webhook", job="", token="")
    assert "not shown" in ada.get("/webhook").html


def test_a_token_can_be_forgotten(ada):
    ada.submit(ada.get("/webhook"), "/webhook", token="ghp_3f9a")
    page = ada.follow(ada.submit(ada.get("/webhook"), "/webhook", forget="yes"))
    assert "not shown" not in page.html


def test_a_faulty_job_is_told_with_its_places(ada):
    reply = ada.submit(ada.get("/webhook"), "/webhook", job="orders: []")
    assert (reply.status, "job.orders must have at least 1" in reply.text) == (400, True)


def test_operators_are_not_shown_the_way(people):
    page = signed_in(people, people.teammate).get("/members")
    assert "Webhook" not in page.words
