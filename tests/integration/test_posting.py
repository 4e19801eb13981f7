"""A job posted to a running server at home, by whoever signs it: commented, and its end told, over real HTTP."""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from chalicelib.jobs import finishing
from chalicelib.webhook import hooks
from chalicelib.webhook.signature import sign
from tests import make
from tests.engine import Engine
from tests.posting import payload, signed
from tests.product import running

pytestmark = pytest.mark.integration

SIGNUP = {"email": "ada@engines.example", "password": "analytical engine", "organisation": "Engines"}
PATIENCE = 30
README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
PLACE = {"git_repo": "https://127.0.0.1/acme/app", "pr_number": 7}


def wait_for(found):
    until = time.monotonic() + PATIENCE
    while not (answer := found()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return answer


@pytest.fixture
def client(tmp_path, host):
    settings = {"github_api": host.url, "webhook_hosts": "127.0.0.1"}
    with running(tmp_path / "data", **settings) as product, httpx.Client(base_url=product.url) as client:
        client.headers["Authorization"] = f"Bearer {client.post('/api/signup', json=SIGNUP).json()['access_token']}"
        yield client


def test_a_posted_job_runs_and_is_told_of(client, host, receiver):
    tenant_id = client.get("/api/user/tenants").json()["items"][0]["tenant_id"]
    hook = client.post(f"/api/tenants/{tenant_id}/webhook/secret").json()
    client.patch(f"/api/tenants/{tenant_id}/webhook", json={"token": "ghp_3f9a"}).raise_for_status()
    job = make.submission(make.order("hello", cmds=["echo hello"]), **PLACE)
    endpoint = f"http://127.0.0.1:{receiver.port}/done"
    body = json.dumps(payload(job, done_endpt=endpoint)).encode()
    answer = httpx.post(hook["url"], content=body, headers=signed(hook["secret"], body, delivery="d-1")).json()
    assert (answer["status"], answer["done_endpt"], len(host.texts)) == ("ok", endpoint, 1)
    assert "| 0001 | `hello` | queued |" in answer["init_pr_comment"]
    wait_for(lambda: receiver.received)
    _, headers, content = receiver.received[0]
    told = json.loads(content)
    assert (told["status"], told["summary"]["succeeded"], told["run_id"]) == ("succeeded", 1, answer["run_id"])
    assert headers["x-hub-signature-256"] == sign(hook["secret"], content)
    wait_for(lambda: "is succeeded" in host.texts[0])
    assert len(host.comments) == 1


def test_the_command_of_the_readme_posts_a_job(client, tmp_path):
    command = README.split("## Jobs from CI", 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
    (tmp_path / "job.yaml").write_text(README.split("<<'END'\n", 1)[1].split("END", 1)[0])
    key = client.post("/api/user/keys", json={"name": "ci", "role": "operator"}).json()["key"]
    told = {"MILLRACE_URL": str(client.base_url).rstrip("/"), "MILLRACE_TOKEN": key, "RUN": "4711x1"}
    posted = [
        subprocess.run(
            ["bash", "-ec", command], cwd=tmp_path, env={**os.environ, **told}, check=True, capture_output=True
        ).stdout
        for _ in range(2)
    ]
    assert (json.loads(posted[0])["run_id"], posted[0]) == ("build4711x1", posted[1])


@pytest.fixture
def engine():
    return Engine(make.ports(MILLRACE_WEBHOOK_HOSTS="127.0.0.1"))


def end_a_job(engine, receiver):
    job_id = engine.submit(done_endpt=f"http://127.0.0.1:{receiver.port}/done")
    engine.look(job_id)
    engine.end(job_id, 1)
    finishing.settle(engine.ports)
    return job_id


def test_an_end_is_told_until_it_is_taken(engine, receiver):
    receiver.answers = [503, 200]
    end_a_job(engine, receiver)
    for _ in range(3):
        engine.ports.clock.tick(5)
        finishing.settle(engine.ports)
    assert len(receiver.received) == 2


def test_whoever_wants_no_more_is_told_no_more(engine, receiver):
    receiver.answers = [410]
    job_id = end_a_job(engine, receiver)
    engine.ports.clock.tick(5)
    finishing.settle(engine.ports)
    assert (len(receiver.received), "done.failed" in engine.kinds(job_id)) == (1, True)


@pytest.mark.parametrize("sickness", [None, "cut", 502])
def test_many_posters_at_once_make_one_comment(host, sickness):
    ports = make.ports(MILLRACE_GITHUB_API=host.url)
    hooks.edit(ports, make.caller(), "acme", token="ghp_3f9a")
    engine = Engine(ports)
    job_id = engine.submit(**PLACE)
    host.sick = [sickness]
    with ThreadPoolExecutor(8) as posters:
        list(posters.map(lambda _: finishing.settle_one(ports, job_id), range(8)))
    ports.clock.tick(5)
    with ThreadPoolExecutor(8) as posters:
        list(posters.map(lambda _: finishing.settle_one(ports, job_id), range(8)))
    assert len(host.comments) == 1
