"""A signed-up person of the running product."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from tests.product import Product

JOB_ENDS = ("succeeded", "failed", "timed_out", "cancelled")


@dataclass(frozen=True)
class Account:
    http: httpx.Client
    email: str
    password: str
    tenant_id: str
    token: str

    def submit(self, job: dict[str, Any]) -> str:
        return str(self._answer("POST", "/api/jobs", json=job)["job_id"])

    def ended(self, job_id: str, *, pause: float = 0.05) -> dict[str, Any]:
        """The job, once it has ended."""
        while True:
            job = self._answer("GET", f"/api/jobs/{job_id}")
            if job["status"] in JOB_ENDS:
                return job
            time.sleep(pause)

    def _answer(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self.http.request(method, path, **request)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]


def sign_up(product: Product) -> Account:
    http = httpx.Client(base_url=product.url, timeout=60)
    name = uuid.uuid4().hex
    form = {"email": f"{name}@example.org", "password": "a password to measure with", "organisation": f"Org {name}"}
    tokens = http.post("/api/signup", json=form).raise_for_status().json()
    http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    user = http.get("/api/user").raise_for_status().json()
    return Account(http, form["email"], form["password"], user["tenant_id"], tokens["access_token"])
