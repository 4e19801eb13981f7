"""Asks a running Millrace, wherever it is, whether it works: health, a page, sign-up, a job that ends well, its log.

MILLRACE_TOKEN names an API key of somebody who is there already; without it, each run signs somebody new up.
"""

import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx

from chalicelib.client import Client
from chalicelib.settings import ClientSettings, read_client_settings

PATIENCE = 180
"""Seconds that the job may take; a function's first start is part of it."""
SAID = "the wheel turns"
JOB = f'{{"orders": [{{"order_name": "smoke", "timeout": 60, "cmds": ["echo {SAID}"]}}]}}'


def smoke(url: str) -> None:
    """Raises SystemExit that says what does not work."""
    health = httpx.get(f"{url}/api/health", timeout=30)
    print(f"health: {health.status_code} {health.text}")
    _expect(health.status_code == httpx.codes.OK, "It does not think itself well.")
    page = httpx.get(f"{url}/login", timeout=30)
    _expect(page.status_code == httpx.codes.OK and "<form" in page.text, "The page to sign in is not there.")
    with tempfile.TemporaryDirectory() as folder:
        _run_job(url, Path(folder))


def _run_job(url: str, folder: Path) -> None:
    token = read_client_settings().token
    client = Client(ClientSettings(url=url, token=token, logins=folder / "logins"))
    if not token:
        client.signup(f"smoke-{uuid.uuid4().hex}@example.com", uuid.uuid4().hex, "Smoke test")
    job_id = client.submit(JOB)["job_id"]
    until = time.monotonic() + PATIENCE
    while (job := client.job(job_id))["ended_at"] is None and time.monotonic() < until:
        time.sleep(1)
    print(f"job {job_id}: {job['status']}")
    for order in job["orders"]:
        print(f"  {order['order_name']}: {order['status']} {order['reason'] or ''}")
    _expect(job["status"] == "succeeded", f"The job has not succeeded within {PATIENCE} s.")
    log = client.log(job_id, 1, None, 0).text.decode()
    _expect(SAID in log, f"The log does not hold what the order said: {log!r}")


def _expect(holds: object, otherwise: str) -> None:
    if not holds:
        raise SystemExit(otherwise)


if __name__ == "__main__":
    smoke(sys.argv[1].rstrip("/"))
    print("It works.")
