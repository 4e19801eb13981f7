"""A load run that proves nothing fails. Locust patches the standard library, so it has a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.product import running

pytestmark = pytest.mark.integration

LOCUSTFILE = Path(__file__).parents[1] / "performance" / "locustfile.py"


def locust(url, *, users, seconds):
    command = [sys.executable, "-m", "locust", "--locustfile", LOCUSTFILE, "--headless", "--only-summary"]
    shape = ["--users", str(users), "--spawn-rate", "5", "--run-time", f"{seconds}s", "--host", url]
    return subprocess.run([*command, *shape], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with running(tmp_path_factory.mktemp("load") / "data") as product:
        yield product


def test_people_who_list_look_and_submit_are_served(product):
    run = locust(product.url, users=2, seconds=4)
    assert (run.returncode, "none failed" in run.stdout) == (0, True)


def test_a_run_without_requests_fails(product):
    run = locust(product.url, users=0, seconds=1)
    assert (run.returncode, "no request was made" in run.stdout) == (1, True)


def test_a_run_against_nothing_fails(tmp_path):
    with running(tmp_path / "data") as gone:
        url = gone.url
    assert locust(url, users=1, seconds=2).returncode == 1
