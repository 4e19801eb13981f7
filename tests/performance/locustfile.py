"""People who list, look and submit. `make load` runs it against a server of its own; on its own:

locust --locustfile tests/performance/locustfile.py --headless --users 50 --spawn-rate 5 --run-time 30s --host http://127.0.0.1:8000
"""

import random
import uuid

import requests
from locust import HttpUser, between, events, task

SLOW = 500
"""Milliseconds; a 95th percentile there fails the run."""
PASSWORD = "a password for the load"
JOB = {"name": "load", "orders": [{"cmds": ["true"], "timeout": 30}]}


@events.test_start.add_listener
def sign_up_once(environment, **_):
    """One organisation for all: each person signs in to it."""
    environment.email = f"load-{uuid.uuid4().hex}@example.org"
    form = {"email": environment.email, "password": PASSWORD, "organisation": f"Load {uuid.uuid4().hex}"}
    requests.post(f"{environment.host}/api/signup", json=form, timeout=30).raise_for_status()


@events.quitting.add_listener
def judge(environment, **_):
    total = environment.stats.total
    p95 = total.get_response_time_percentile(0.95)
    verdicts = {
        "no request was made": total.num_requests == 0,
        f"{total.num_failures} requests failed": total.num_failures > 0,
        f"p95 is {p95} ms, and must be below {SLOW}": p95 is not None and p95 >= SLOW,
    }
    faults = [told for told, is_fault in verdicts.items() if is_fault]
    environment.process_exit_code = 1 if faults or environment.process_exit_code else 0
    print("; ".join(faults) or f"{total.num_requests} requests, none failed, p95 {p95} ms")


class Person(HttpUser):
    wait_time = between(0.2, 0.8)

    def on_start(self):
        form = {"email": self.environment.email, "password": PASSWORD}
        tokens = self.client.post("/api/login", json=form).json()
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        self.mine = []
        self.submit()

    @task(5)
    def list(self):
        self.client.get("/api/jobs?limit=50", name="/api/jobs")

    @task(3)
    def get(self):
        if self.mine:
            self.client.get(f"/api/jobs/{random.choice(self.mine)}", name="/api/jobs/{id}")

    @task(2)
    def submit(self):
        answer = self.client.post("/api/jobs", json=JOB, headers={"Idempotency-Key": uuid.uuid4().hex})
        if answer.ok:
            self.mine = [*self.mine[-20:], answer.json()["job_id"]]
