"""The packaged product as CloudFormation makes it of the template, on an emulated AWS that really runs the zip.

Everything gets there by the scripts behind `make deploy`, `make smoke` and `make destroy`, and is asked through its
API Gateway.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import ministack
from tests.packaged import package, shared_folder
from tests.posting import payload, signed

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90
"""Seconds for what runs on two busy cores; nothing waits for them without need."""


class Deployed:
    """A stage. `url` is where `make deploy` said that it is."""

    def __init__(self, aws: ministack.Ministack, url: str) -> None:
        self.aws = aws
        self.url = url

    @property
    def api_id(self) -> str:
        return self.url.split("/")[-2]

    def client(self, service: str) -> Any:
        return self.aws.client(service)


def run(aws: ministack.Ministack, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / script, *arguments]
    environment = {**os.environ, **aws.environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def deploy(aws: ministack.Ministack, stage: str, folder: Path) -> Deployed:
    done = run(aws, "deploy.py", stage, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return Deployed(aws, done.stdout.split()[-1])


def wait_for(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE
    while (found := look()) is None:
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As it was packaged, with the names that the emulator has for batches; for AWS they are no rights of their own."""
    packaged, folder = package(shared_folder(tmp_path_factory)), tmp_path_factory.mktemp("dev")
    (folder / "deployment.zip").symlink_to(packaged / "deployment.zip")
    template = json.loads((packaged / "sam.json").read_text())
    policy = template["Resources"]["ServicePolicy"]["Properties"]["PolicyDocument"]
    queues = next(each for each in policy["Statement"] if each.get("Sid") == "Queues")
    queues["Action"] += [f"sqs:{each}Batch" for each in ("ChangeMessageVisibility", "DeleteMessage", "SendMessage")]
    (folder / "sam.json").write_text(json.dumps(template))
    return folder


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Deployed]:
    """With roles that are enforced, and signatures that are checked."""
    with ministack.running(tmp_path_factory.mktemp("ministack"), AUTH="true") as aws:
        yield deploy(aws, "dev", folder)


@pytest.fixture(scope="module")
def api(stack: Deployed) -> Iterator[httpx.Client]:
    """Signed in."""
    somebody = {"email": "ada@example.com", "password": "a long enough one", "organisation": "Mills"}
    with httpx.Client(base_url=f"{stack.url}/api", timeout=60) as client:
        answer = client.post("/signup", json=somebody)
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def submit(api: httpx.Client, *orders: dict[str, Any]) -> str:
    answer = api.post("/jobs", json={"orders": [{"timeout": 60, **each} for each in orders]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["job_id"])


def ended(api: httpx.Client, job_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = api.get(f"/jobs/{job_id}").json()
        return job if job["ended_at"] else None

    return wait_for(look)


def test_it_thinks_itself_well(stack):
    answer = httpx.get(f"{stack.url}/api/health", timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_a_job_ends_well_through_the_deployed_orchestrator_and_worker(api):
    job_id = submit(api, {"order_name": "one", "cmds": ["echo from far away"]})
    job = ended(api, job_id)
    assert (job["status"], job["orders"][0]["execution_target"]) == ("succeeded", "lambda")
    assert "from far away" in api.get(f"/jobs/{job_id}/orders/1/log").text


def test_orders_wait_for_those_they_depend_on(api):
    last = {"order_name": "last", "cmds": ["true"], "dependencies": ["left", "right"]}
    job_id = submit(api, {"order_name": "left", "cmds": ["true"]}, {"order_name": "right", "cmds": ["true"]}, last)
    job = ended(api, job_id)
    left, right, last = job["orders"]
    assert job["status"] == "succeeded"
    assert last["started_at"] >= max(left["ended_at"], right["ended_at"])


def test_a_failing_order_fails_its_job_with_the_reason(api):
    job = ended(api, submit(api, {"order_name": "wrong", "cmds": ["echo before", "exit 3"]}))
    assert (job["status"], job["orders"][0]["status"]) == ("failed", "failed")
    assert "3" in job["orders"][0]["reason"]


def test_commands_find_no_setting_and_no_credentials_of_the_service(api):
    job_id = submit(api, {"order_name": "look", "cmds": ["env"]})
    ended(api, job_id)
    log = api.get(f"/jobs/{job_id}/orders/1/log").text
    names = {line.partition("=")[0] for line in log.splitlines()}
    assert "RUN_ID" in names
    assert [name for name in names if name.startswith(("AWS_SECRET", "AWS_SESSION", "AWS_ACCESS", "MILLRACE_"))] == []


def test_a_watchdog_follows_an_order_until_it_has_ended(api, stack):
    job_id = submit(api, {"order_name": "slow", "cmds": ["sleep 2"]})
    ended(api, job_id)
    machine = stack.client("stepfunctions").list_state_machines()["stateMachines"][0]["stateMachineArn"]

    def look() -> str | None:
        found = stack.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        mine = [each for each in found if job_id.lower() in each["name"].lower()]
        return mine[0]["status"] if mine and mine[0]["status"] != "RUNNING" else None

    assert wait_for(look) == "SUCCEEDED"


def test_watching_what_is_not_there_ends_at_once(stack):
    machines = stack.client("stepfunctions")
    machine = machines.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    watched = json.dumps({"job_id": "none", "number": 1, "attempt": 1})
    begun = machines.start_execution(stateMachineArn=machine, input=watched)["executionArn"]

    def look() -> str | None:
        status = machines.describe_execution(executionArn=begun)["status"]
        return None if status == "RUNNING" else str(status)

    assert wait_for(look) == "SUCCEEDED"


def mark(stack: Deployed, done_endpt: str) -> dict[str, Any]:
    """What stands where the end of a run is told, once it does."""
    bucket, _, key = done_endpt.removeprefix("s3://").partition("/")

    def look() -> dict[str, Any] | None:
        if not stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"):
            return None
        return json.loads(stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    return wait_for(look)


POSTED = payload({"orders": [{"order_name": "one", "cmds": ["echo posted"], "timeout": 60}]})


def test_what_github_delivers_runs_until_its_end_is_marked(api, stack):
    tenant_id = api.get("/user/tenants").json()["items"][0]["tenant_id"]
    hook = api.post(f"/tenants/{tenant_id}/webhook/secret").json()
    body = json.dumps({"action": "run", "client_payload": POSTED}).encode()
    headers = signed(hook["secret"], body, event="repository_dispatch", delivery="d-1")
    answer = httpx.post(hook["url"], content=body, headers=headers, timeout=60).json()
    assert (answer["status"], ended(api, answer["run_id"])["status"]) == ("ok", "succeeded")
    assert mark(stack, answer["done_endpt"])["summary"]["succeeded"] == 1


def test_the_webhook_is_called_as_a_function_too(api, stack):
    key = api.post("/user/keys", json={"name": "ci", "role": "operator"}).json()["key"]
    called = json.dumps({**POSTED, "api_key": key, "run_id": "called4711"}).encode()
    reply = stack.client("lambda").invoke(FunctionName="millrace-dev-process-webhook", Payload=called)
    answer = json.loads(reply["Payload"].read())
    assert (answer["status"], answer["run_id"], ended(api, "called4711")["status"]) == ("ok", "called4711", "succeeded")


def test_pages_and_their_redirects_stay_below_the_stage(stack):
    inside = {"base_url": stack.aws.endpoint, "headers": {"Host": f"{stack.api_id}.execute-api.localhost"}}
    with httpx.Client(**inside, timeout=60) as browser:
        away = browser.get("/dev/jobs")
        page = browser.get(away.headers["Location"])
    assert (away.status_code, away.headers["Location"]) == (303, "/dev/login?next=%2Fjobs")
    assert "Path=/dev/;" in page.headers["Set-Cookie"]
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
    assert links
    assert [each for each in links if not each.startswith("/dev/")] == []


def test_what_no_route_has_is_answered_by_the_application(stack):
    page = httpx.get(f"{stack.url}/no/such/page", timeout=60)
    problem = httpx.get(f"{stack.url}/api/no/such/thing", timeout=60)
    assert (page.status_code, "Millrace" in page.text) == (404, True)
    assert (problem.status_code, problem.json()["type"]) == (404, "/api/docs#not-found")


def test_a_dataset_is_made_by_the_functions_that_take_built_in_orders(api):
    steps = [{"id": "draft", "prompt": "Write about {{ topic }}.", "max_tokens": 50}]
    template = api.post("/templates", json={"name": "Reviews", "steps": steps}).json()["template_id"]
    rows = {"content": b"topic\nmills\nraces\n", "headers": {"Content-Type": "text/csv"}}
    seeds = api.post("/seed-data?name=Topics", **rows).json()["seed_data_id"]
    wanted = {"template_id": template, "seed_data_id": seeds, "budget_limit": 1, "num_records": 2}
    answer = api.post("/jobs", json={**wanted, "model": "offline/small"})
    assert answer.status_code in (201, 202), answer.text
    job = ended(api, answer.json()["job_id"])
    assert job["status"] == "succeeded"
    [file] = api.get(f"/jobs/{job['job_id']}/exports").json()["items"]
    link = httpx.get(f"{stack_of(api)}{file['href'].removeprefix('/dev')}", headers=api.headers).headers["Location"]
    assert len(httpx.get(link).text.splitlines()) == 2


def stack_of(api: httpx.Client) -> str:
    return str(api.base_url).removesuffix("/api/")


def test_make_smoke_finds_that_it_works(stack):
    done = run(stack.aws, "smoke.py", stack.url)
    assert done.stdout.splitlines()[-1:] == ["It works."], done.stdout + done.stderr


def test_deploying_the_same_again_changes_nothing(stack, folder):
    done = run(stack.aws, "deploy.py", "dev", folder)
    assert done.stdout.splitlines() == ["Nothing changes.", stack.url]


def test_the_functions_know_the_address_for_links_in_mails(stack):
    told = stack.client("lambda").get_function_configuration(FunctionName="millrace-dev-on-notices")
    assert told["Environment"]["Variables"]["MILLRACE_BASE_URL"] == stack.url


def test_a_stage_that_is_destroyed_leaves_its_data_unless_told_otherwise(tmp_path, tmp_path_factory):
    packaged = package(shared_folder(tmp_path_factory), "prod")
    with ministack.running(tmp_path) as aws:
        prod = deploy(aws, "prod", packaged)
        kept = run(aws, "destroy.py", "prod").stdout.splitlines()
        assert [line.split()[:2] for line in kept] == [["left", "AWS::S3::Bucket"]] * 2 + [
            ["left", "AWS::DynamoDB::Table"]
        ]
        assert len(prod.client("s3").list_buckets()["Buckets"]) == 3

        deploy(aws, "prod", packaged)
        gone = run(aws, "destroy.py", "prod", "delete-data")
        assert [line.split()[0] for line in gone.stdout.splitlines()] == ["removed"] * 3, gone.stderr
