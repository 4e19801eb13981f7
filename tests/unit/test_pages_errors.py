"""Pages for when something cannot be done, and the files that all pages share."""

import pytest

from chalicelib.exchange import Request
from chalicelib.web import InternalError
from frontend.door import PagesDoor
from frontend.rendering import Addresses, assets
from frontend.views.words import JOB_LOOKS, WITH_WARNINGS
from tests import make
from tests.client import gateway
from tests.pages import Browser, signed_in


@pytest.fixture
def visitor(people):
    return Browser(people.wsgi)


def test_an_address_that_is_not_there_says_what_to_do_next(visitor, people):
    assert "To the start" in visitor.get("/nowhere", 404).words
    assert "To the jobs" in signed_in(people, people.owner).get("/nowhere", 404).words


def test_an_address_under_the_api_answers_as_the_api_does(visitor):
    assert visitor.client.get("/api/nowhere").header("Content-Type") == "application/problem+json"


def test_the_wrong_method_says_which_are_right(visitor):
    reply = visitor.client.delete("/login")
    assert reply.status == 405
    assert "POST" in reply.header("Allow")
    assert "Not this way" in reply.text


def test_a_refresh_without_a_session_is_not_led_away(visitor):
    assert visitor.client.get("/jobs", headers={"HX-Request": "true"}).status == 401


def test_an_error_names_the_request(visitor):
    page = visitor.get("/nowhere", 404, X_Request_Id="abc-123")
    assert "request abc-123" in page.words


@pytest.mark.parametrize("name", sorted(assets()))
def test_a_file_is_kept_for_good_under_its_own_version(visitor, name):
    reply = visitor.client.get(Addresses().static(name))
    assert reply.status == 200
    assert reply.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert reply.text == assets()[name].text


def test_a_file_asked_for_by_another_version_is_not_kept_for_good(visitor):
    assert "immutable" not in visitor.client.get("/static/millrace.css?v=old").header("Cache-Control")


@pytest.mark.parametrize("name", ["nosuch.css", "..%2Frendering.py", "%2e%2e", "millrace.css%00"])
def test_no_other_file_is_there(visitor, name):
    assert visitor.client.get(f"/static/{name}").status == 404


def test_every_state_of_a_job_has_an_icon_for_the_tab():
    tones = {look.tone for look in JOB_LOOKS.values()} | {WITH_WARNINGS.tone}
    assert {f"favicon-{tone}.svg" for tone in tones} <= set(assets())


def test_a_fault_of_ours_says_nothing_of_the_code(ports):
    request = Request(
        ports=ports, method="GET", path="/jobs", route="/jobs", query={}, headers={}, body=b"", request_id="r-1"
    )
    answer = PagesDoor().refuse(request, InternalError())
    assert answer.status == 500
    assert "Something broke on our side" in answer.body.decode()


def test_cookies_stay_on_https_where_that_is_set():
    ports = make.ports(MILLRACE_SECURE_COOKIES="1")
    assert Browser(gateway(ports)).get("/login").reply.header("Set-Cookie").endswith("; Secure")


def test_addresses_stand_under_the_stage_of_a_gateway(people):
    reply = people.nobody.send("GET", "/signup", base="/api")
    assert 'action="/api/signup"' in reply.text
    assert 'href="/api/static/millrace.css?v=' in reply.text


def test_addresses_are_quoted():
    assert Addresses()("/jobs/a b", text="x&y", empty="") == "/jobs/a%20b?text=x%26y"
