"""The command line's client against the application in this process."""

import uuid
from dataclasses import replace

import httpx
import pytest

from chalicelib.client import Client, NotLoggedIn, Refused, Unreachable
from chalicelib.clock import SystemClock
from chalicelib.logins import read_login
from chalicelib.settings import read_client_settings
from tests import make
from tests.client import gateway

JOB = "orders:\n  - cmds: [echo hello]\n    timeout: 60\n"


class Line(httpx.BaseTransport):
    """A line to the application that breaks as often as it is told: before the request arrives, or after."""

    def __init__(self, wsgi):
        self.server = httpx.WSGITransport(wsgi)
        self.breaks_before = 0
        self.breaks_after = 0
        self.requests = []

    def handle_request(self, request):
        self.requests.append(request)
        if self.breaks_before:
            self.breaks_before -= 1
            raise httpx.ConnectError("refused")
        answer = self.server.handle_request(request)
        if self.breaks_after:
            self.breaks_after -= 1
            raise httpx.ReadError("cut")
        return answer


@pytest.fixture
def line():
    return Line(gateway(make.ports(SystemClock())))


@pytest.fixture
def settings(tmp_path):
    return replace(read_client_settings({}), logins=tmp_path / "logins.json")


@pytest.fixture
def client(line, settings):
    return Client(settings, transport=line)


@pytest.fixture
def ada(client):
    client.signup(f"{uuid.uuid4().hex}@example.org", "analytical engine", f"Engines {uuid.uuid4().hex}")
    return client


def test_a_submitted_job_is_found(ada):
    job_id = ada.submit(JOB)["job_id"]
    assert ada.job(job_id)["orders"][0]["order_name"] == "order-0001"


def test_a_job_is_submitted_once_though_the_answer_is_lost(ada, line):
    line.breaks_after = 2
    job_id = ada.submit(JOB)["job_id"]
    assert [each["job_id"] for each in ada.jobs({}, limit=10)] == [job_id]


def test_a_server_that_restarts_is_waited_for(ada, line):
    line.breaks_before = 2
    assert list(ada.jobs({}, limit=10)) == []


def test_waiting_says_why(line, settings, ada):
    reasons = []
    line.breaks_before = 1
    list(Client(settings, transport=line, on_wait=reasons.append).jobs({}, limit=1))
    assert reasons == ["refused"]


def test_a_server_that_stays_away_is_told(settings, line, ada):
    line.breaks_before = 1_000
    with pytest.raises(Unreachable, match="does not answer"):
        list(Client(settings, transport=line, patience=0).jobs({}, limit=1))


def test_a_refusal_names_every_place(ada):
    with pytest.raises(Refused) as refusal:
        ada.submit("orders:\n  - cmds: []\n")
    assert [place for place, _ in refusal.value.places] == ["orders[0].cmds", "orders[0].timeout"]


def test_a_refusal_is_not_tried_again(ada, line):
    before = len(line.requests)
    with pytest.raises(Refused):
        ada.job("nosuchjob")
    assert len(line.requests) == before + 1


def test_a_wrong_password_is_refused(client):
    with pytest.raises(Refused):
        client.login("nobody@example.org", "wrong password")


def test_without_a_login_nothing_is_asked(client):
    with pytest.raises(NotLoggedIn, match="millrace login"):
        client.submit(JOB)


def test_the_login_is_kept_for_the_next_command(ada, settings, line):
    job_id = ada.submit(JOB)["job_id"]
    assert Client(settings, transport=line).job(job_id)["job_id"] == job_id


def test_an_access_token_about_to_end_is_renewed(ada, settings, line):
    class Later(SystemClock):
        def now(self):
            return super().now().replace(year=9999)

    before = read_login(settings.logins, settings.url)
    assert list(Client(settings, transport=line, clock=Later()).jobs({}, limit=1)) == []
    assert read_login(settings.logins, settings.url) != before


def test_after_signing_out_nobody_is_signed_in(ada):
    ada.logout()
    with pytest.raises(NotLoggedIn):
        ada.submit(JOB)


def test_an_unchanged_job_is_not_sent_twice(ada, line):
    job_id = ada.submit(JOB)["job_id"]
    first = ada.job(job_id)
    assert (ada.job(job_id), "If-None-Match" in line.requests[-1].headers) == (first, True)


def test_a_list_is_read_page_by_page(ada):
    for _ in range(3):
        ada.submit(JOB)
    assert len(list(ada.jobs({"status": "queued"}, limit=2))) == 2


def test_an_id_from_nowhere_stays_in_its_place(ada):
    with pytest.raises(Refused) as refusal:
        ada.job("../health")
    assert refusal.value.status == 404
