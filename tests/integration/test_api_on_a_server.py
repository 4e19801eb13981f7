"""A job from its submission to its files, over the REST API of a running server."""

import time

import httpx
import pytest

from chalicelib.jobs.api import EXAMPLE
from tests.product import running

pytestmark = pytest.mark.integration

SIGNUP = {"email": "ada@engines.example", "password": "analytical engine", "organisation": "Engines"}
PATIENCE = 30


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with running(tmp_path_factory.mktemp("api") / "data") as product, httpx.Client(base_url=product.url) as client:
        token = client.post("/api/signup", json=SIGNUP).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture(scope="module")
def job(api):
    """The example of the documentation, run to its end."""
    address = api.post("/api/jobs", json=EXAMPLE).headers["Location"]
    until = time.monotonic() + PATIENCE
    while not (found := api.get(address).json())["ended_at"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_the_example_of_the_documentation_succeeds(job):
    assert (job["status"], job["counts"], job["done_count"]) == ("succeeded", {"succeeded": 2}, 2)


def test_an_order_that_ran_has_its_attempt(job):
    (attempt,) = job["orders"][0]["attempts"]
    assert (attempt["number"], attempt["status"], attempt["exit_code"]) == (1, "succeeded", 0)


def test_the_log_is_read_in_parts(api, job):
    address = f"/api/jobs/{job['job_id']}/orders/0002/log"
    first = api.get(address, params={"limit": 2})
    rest = api.get(address, params={"offset": first.headers["X-Log-Next-Offset"]})
    assert (first.text + rest.text, rest.headers["X-Log-Complete"]) == ("1\n2\n3\n", "true")


def test_a_file_that_an_order_left_is_downloaded_without_signing_in(api, job):
    link = api.get(job["orders"][0]["artifacts"][0]["href"])
    downloaded = httpx.get(api.base_url.join(link.headers["Location"]))
    assert (link.status_code, downloaded.text) == (302, "3\n2\n1\n")


def test_the_history_tells_who_and_what(api, job):
    events = api.get(f"/api/jobs/{job['job_id']}/events", params={"newest_first": "true"}).json()["items"]
    assert (events[-1]["kind"], events[-1]["actor"], events[0]["actor"]) == (
        "job.submitted",
        SIGNUP["email"],
        "millrace",
    )


def test_a_job_sent_twice_with_one_key_runs_once(api):
    again = [api.post("/api/jobs", json=EXAMPLE, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert len({each.json()["job_id"] for each in again}) == 1
