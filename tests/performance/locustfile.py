"""People who list, look and submit. `make load` runs it against a server of its own; on its own:

locust --locustfile tests/performance/locustfile.py --headless --users 50 --spawn-rate 5 --run-time 30s --host http://127.0.0.1:8000
"""

import random
import uuid
from itertools import cycle

import requests
from locust import HttpUser, between, events, task

SLOW = 500
"""Milliseconds; a 95th percentile there fails the run."""
PASSWORD = "a password for the load"
ORDERS = [{"cmds": ["true"], "timeout": 30}]
ORGANISATIONS = 5
TEMPLATE = {"name": "load", "steps": [{"id": "a", "prompt": "Describe {{ name }}.", "max_tokens": 100}]}
SEEDS = b"name\nkettle\nlamp\n"


@events.test_start.add_listener
def sign_up_once(environment, **_):
    """A few organisations; people sign in to them in turn."""
    environment.emails = cycle([_sign_up(environment.host) for _ in range(ORGANISATIONS)])


def _sign_up(host):
    name = uuid.uuid4().hex
    form = {"email": f"load-{name}@example.org", "password": PASSWORD, "organisation": f"Load {name}"}
    requests.post(f"{host}/api/signup", json=form, timeout=30).raise_for_status()
    return form["email"]


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
    weight = 4
    wait_time = between(0.2, 0.8)

    def on_start(self):
        self.email = next(self.environment.emails)
        tokens = self.client.post("/api/login", json={"email": self.email, "password": PASSWORD}).json()
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        self.mine = []
        self.submit()

    @task(5)
    def list(self):
        with self.client.get("/api/jobs?limit=50", name="/api/jobs", catch_response=True) as answer:
            if answer.ok and {each["name"] for each in answer.json()["items"]} - {self.email}:
                answer.failure("jobs of another organisation are in the list")

    @task(3)
    def get(self):
        if self.mine:
            self.client.get(f"/api/jobs/{random.choice(self.mine)}", name="/api/jobs/{id}")

    @task(2)
    def submit(self):
        answer = self.client.post(
            "/api/jobs", json={"name": self.email, "orders": ORDERS}, headers={"Idempotency-Key": uuid.uuid4().hex}
        )
        if answer.ok:
            self.mine = [*self.mine[-20:], answer.json()["job_id"]]


class DataEngineer(HttpUser):
    """Writes templates, uploads seed data and makes small datasets of them with the offline model."""

    weight = 1
    wait_time = between(0.5, 1.5)

    def on_start(self):
        form = {"email": next(self.environment.emails), "password": PASSWORD}
        tokens = self.client.post("/api/login", json=form).json()
        self.client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        self.template_id = self.client.post("/api/templates", json=TEMPLATE).json()["template_id"]
        self.seed_data_id = self.upload()
        self.made = []

    @task(2)
    def upload(self):
        told = {"Content-Type": "text/csv"}
        return self.client.post("/api/seed-data", data=SEEDS, headers=told).json()["seed_data_id"]

    @task(4)
    def list(self):
        self.client.get("/api/templates")
        self.client.get("/api/seed-data")

    @task(3)
    def preview(self):
        body = {"template": TEMPLATE, "records": [{"name": "kettle"}]}
        self.client.post("/api/templates/preview", json=body)

    @task(2)
    def edit(self):
        steps = [{**TEMPLATE["steps"][0], "max_tokens": random.randint(10, 500)}]
        self.client.post("/api/templates", json={**TEMPLATE, "steps": steps})

    @task(1)
    def generate(self):
        job = {"template_id": self.template_id, "seed_data_id": self.seed_data_id, "budget_limit": 1, "num_records": 20}
        answer = self.client.post("/api/jobs", json=job)
        if answer.ok:
            self.made = [*self.made[-5:], answer.json()["job_id"]]

    @task(3)
    def watch(self):
        for below in ("generation", "records?limit=5", "exports") if self.made else ():
            name = f"/api/jobs/{{id}}/{below.partition('?')[0]}"
            self.client.get(f"/api/jobs/{random.choice(self.made)}/{below}", name=name)

    @task(1)
    def estimate(self):
        job = {"template_id": self.template_id, "seed_data_id": self.seed_data_id, "budget_limit": 1, "num_records": 99}
        self.client.post("/api/generation/estimate", json=job)

    @task(1)
    def costs(self):
        self.client.get("/api/costs?since=2026-01-01&until=2026-12-31", name="/api/costs")
