"""The running product over an emulated AWS: its orders in worker processes, which machines do not share."""

import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import jwt
import pytest

from chalicelib.presence import HELD
from tests import make, stores
from tests.product import MILLRACE, emulated_aws, running_over

pytestmark = pytest.mark.integration

PATIENCE = 60
ENDED = ("succeeded", "failed", "timed_out", "cancelled", "budget_exceeded")


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture(scope="module")
def product(aws, tmp_path_factory):
    with running_over(aws, tmp_path_factory.mktemp("machine") / "data", workers=2, slots=4) as product:
        yield product


@pytest.fixture
def ada(product):
    with httpx.Client(base_url=product.url, timeout=30) as client:
        yield signed_up(client)


@pytest.fixture
def person():
    """Who is not signed up yet."""
    with httpx.Client(timeout=30) as client:
        yield client


def signed_up(client):
    name = os.urandom(6).hex()
    person = {"email": f"{name}@mill.example", "password": "a long enough password", "organisation": name}
    answer = client.post("/api/signup", json=person)
    assert answer.status_code == 201, answer.text
    tokens = answer.json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return client


def submit(client, *orders, **fields):
    answer = client.post("/api/jobs", json=make.submission(*orders, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()["job_id"]


def wait_for(client, job_id, wanted, patience=PATIENCE):
    """The job, once `wanted` holds for it."""
    until = time.monotonic() + patience
    while not wanted(job := client.get(f"/api/jobs/{job_id}").json()):
        assert time.monotonic() < until, json.dumps(job)
        time.sleep(0.1)
    return job


def ended(client, job_id, patience=PATIENCE):
    return wait_for(client, job_id, lambda job: job["status"] in ENDED, patience)


def is_running(job):
    return job["orders"][0]["status"] == "running"


def statuses(job):
    return [each["status"] for each in job["orders"]]


def attempts(job):
    return [len(each["attempts"]) for each in job["orders"]]


def test_it_is_well(product):
    told = httpx.get(f"{product.url}/api/health").json()
    assert (told["status"], [each["name"] for each in told["checks"] if not each["ok"]]) == ("ok", [])


def test_the_doctor_finds_it_in_order(product):
    environment = {**product.environment, "MILLRACE_PORT": str(product.port)}
    done = subprocess.run([MILLRACE, "doctor"], env=environment, capture_output=True, text=True, check=False)
    assert "SES sends mails of millrace@localhost." in done.stdout
    assert re.findall("^MEND.*", done.stdout, re.MULTILINE) == []


def test_a_chain_hands_its_files_on(ada):
    first = make.order("o0", cmds=["echo 0 > f"], outputs=["f"])
    rest = [
        make.order(f"o{n}", after=[f"o{n - 1}"], cmds=[f"cat inputs/o{n - 1}/f > f", f"echo {n} >> f"], outputs=["f"])
        for n in range(1, 6)
    ]
    job_id = submit(ada, first, *rest)
    assert ended(ada, job_id)["status"] == "succeeded"
    link = ada.get(f"/api/jobs/{job_id}/orders/6/artifacts/f", follow_redirects=False)
    assert link.status_code in (302, 303)
    assert httpx.get(link.headers["Location"]).text.split() == list("012345")


def test_a_fan_out_and_fan_in(ada):
    wide = [make.order(f"w{n}", cmds=[f"echo {n}"]) for n in range(20)]
    last = make.order("last", after=[each["order_name"] for each in wide])
    job = ended(ada, submit(ada, *wide, last))
    assert statuses(job) == ["succeeded"] * 21
    assert attempts(job) == [1] * 21


def test_its_log_is_read_while_it_grows(ada):
    job_id = submit(ada, make.order(cmds=["echo early", "sleep 30"]))
    until = time.monotonic() + PATIENCE
    while not (log := ada.get(f"/api/jobs/{job_id}/orders/1/log").text):
        assert time.monotonic() < until
        time.sleep(0.1)
    ada.patch(f"/api/jobs/{job_id}", json={"status": "cancelled"})
    assert log == "early\n"


def test_what_runs_is_stopped(ada):
    job_id = submit(ada, make.order(cmds=["sleep 300"], timeout=600))
    wait_for(ada, job_id, is_running)
    asked = time.monotonic()
    ada.patch(f"/api/jobs/{job_id}", json={"status": "cancelled"})
    job = ended(ada, job_id)
    assert (job["status"], statuses(job), time.monotonic() - asked < 30) == ("cancelled", ["cancelled"], True)


def test_what_failed_is_run_again(ada):
    job_id = submit(ada, make.order("a"), make.order("b", after=["a"], cmds=['test "$ATTEMPT" = 2']))
    assert ended(ada, job_id)["status"] == "failed"
    ada.post(f"/api/jobs/{job_id}/retry", json={})
    job = ended(ada, job_id)
    assert (job["status"], attempts(job)) == ("succeeded", [1, 2])


def test_a_timeout_ends_what_runs(ada):
    job = ended(ada, submit(ada, make.order(cmds=["echo begun", "sleep 300"], timeout=1)))
    assert (job["status"], statuses(job)) == ("timed_out", ["timed_out"])


def test_an_order_whose_worker_dies_starts_again_on_the_same_machine_at_once(ada, product):
    job_id = submit(ada, make.order(cmds=['test "$ATTEMPT" = 2 || sleep 300'], timeout=600))
    wait_for(ada, job_id, is_running)
    os.kill(worker_of(product, job_id), signal.SIGKILL)
    job = ended(ada, job_id, patience=HELD - 5)
    assert (job["status"], attempts(job)) == ("succeeded", [2])


def worker_of(product, job_id):
    """The worker process below which the order's shell runs."""
    for pid in shells_of(job_id):
        for each in ancestors(pid):
            if "chalicelib.worker" in Path(f"/proc/{each}/cmdline").read_text():
                return each
    raise AssertionError("no shell of the order runs")


def shells_of(job_id):
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"RUN_ID={job_id}".encode() in (path / "environ").read_bytes():
                yield int(path.name)
        except OSError:
            continue


def ancestors(pid):
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        yield pid


def test_orders_of_a_machine_that_dies_start_again_on_another(aws, tmp_path, person):
    with ExitStack() as machines:
        here = machines.enter_context(running_over(aws, tmp_path / "here", queue_prefix="two-"))
        person.base_url = here.url
        ada = signed_up(person)
        job_id = submit(ada, make.order(cmds=['test "$ATTEMPT" = 2 || sleep 300'], timeout=600))
        wait_for(ada, job_id, is_running)
        there = machines.enter_context(running_over(aws, tmp_path / "there", queue_prefix="two-"))
        die_at_once(here, worker_of(here, job_id))
        ada.base_url = there.url
        job = ended(ada, job_id, patience=HELD + 30)
    assert (job["status"], attempts(job)) == ("succeeded", [2])


def die_at_once(machine, worker):
    """Without the time that its processes have to end in peace once the first is gone."""
    os.kill(machine.pid, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    machine.kill()


def test_a_machine_that_is_slow_to_join_takes_no_order_of_a_living_one(aws, tmp_path, person):
    with running_over(aws, tmp_path / "here", queue_prefix="apart-") as here:
        person.base_url = here.url
        ada = signed_up(person)
        job_id = submit(ada, make.order(cmds=["sleep 5"]))
        wait_for(ada, job_id, is_running)
        with running_over(aws, tmp_path / "there", queue_prefix="apart-"):
            job = ended(ada, job_id)
    assert (job["status"], attempts(job)) == ("succeeded", [1])


def test_a_file_larger_than_a_request_goes_to_the_bucket_by_a_link(ada):
    begun = ada.post("/api/seed-data/link", json={"name": "Large", "format": "csv"}).json()
    assert httpx.put(begun["link"], content=b"n,text\n" + b"1,some words\n" * 600_000, timeout=60).status_code == 200
    checking = ada.post(f"/api/seed-data/{begun['seed_data_id']}/complete", timeout=120).json()
    assert ended(ada, checking["job_id"])["status"] == "succeeded"
    made = ada.get(f"/api/seed-data/{begun['seed_data_id']}").json()
    assert (made["status"], made["record_count"]) == ("ready", 600_000)
    found = ada.get(f"/api/seed-data/{begun['seed_data_id']}/records?skip=599999").json()
    assert found["records"] == [{"n": "1", "text": "some words"}]


def test_a_link_takes_no_file_for_another_place(ada):
    begun = ada.post("/api/seed-data/link", json={"name": "Mine", "format": "csv"}).json()
    elsewhere = begun["link"].replace(begun["seed_data_id"], "0" * 26)
    assert httpx.put(elsewhere, content=b"n\n1\n").status_code == 403


def test_a_dataset_is_made_and_taken_away(ada):
    seeds = ada.post("/api/seed-data/generate", json={"template_id": "system-story", "count": 10}).json()
    wanted = {"template_id": "system-story", "seed_data_id": seeds["seed_data_id"], "num_records": 40}
    answer = ada.post("/api/jobs", json={**wanted, "budget_limit": 5, "output_format": ["jsonl", "parquet"]})
    assert answer.status_code == 201, answer.text
    job_id = answer.json()["job_id"]
    assert ended(ada, job_id)["status"] == "succeeded"
    files = ada.get(f"/api/jobs/{job_id}/exports").json()["items"]
    lines = download(ada, next(each for each in files if each["path"].endswith(".jsonl"))).splitlines()
    assert len({json.loads(line)["_id"] for line in lines}) == 40
    assert download(ada, next(each for each in files if each["path"].endswith(".parquet")))[:4] == b"PAR1"


def download(client, file):
    link = client.get(file["href"], follow_redirects=False)
    return httpx.get(link.headers["Location"]).content


def test_web_processes_share_the_limit_of_an_organisation(ada, product, person):
    me = ada.get("/api/user").json()
    person.base_url = product.url
    platform = signed_up(person)
    product.make_platform_admin(platform.get("/api/user").json()["email"])
    platform.patch(f"/api/tenants/{me['tenant_id']}/limits", json={"request_rate": 6})
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: ada.get("/api/user").status_code, range(24)))
    assert (told.count(200), told.count(429)) == (6, 18)


def test_a_new_signing_key_is_taken_up_and_the_old_one_goes_on_to_count(ada, product):
    told = subprocess.run(
        [MILLRACE, "keys", "rotate"], env=product.environment, capture_output=True, text=True, check=True
    )
    fresh = re.search(r"key (\w+) now", told.stdout)[1]
    assert ada.get("/api/user").status_code == 200
    me = {"email": ada.get("/api/user").json()["email"], "password": "a long enough password"}
    until = time.monotonic() + PATIENCE
    while jwt.get_unverified_header(ada.post("/api/login", json=me).json()["access_token"])["kid"] != fresh:
        assert time.monotonic() < until
        time.sleep(1)


def test_one_more_worker_joins_from_elsewhere_and_leaves(product, tmp_path):
    environment = {**product.environment, "MILLRACE_DATA": str(tmp_path / "worker")}
    with subprocess.Popen([MILLRACE, "worker"], env=environment, stderr=subprocess.DEVNULL) as worker:
        wait_for_workers(product, 3)
        worker.terminate()
    wait_for_workers(product, 2)
    assert worker.returncode == 0


def wait_for_workers(product, count):
    until = time.monotonic() + PATIENCE
    while f"{count} running." not in httpx.get(f"{product.url}/api/health").text:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_queues_are_no_more_than_there_are_kinds_of_messages(product, ada, aws):
    ended(ada, submit(ada))
    with stores.client(aws, "sqs") as sqs:
        found = sqs.list_queues(QueueNamePrefix="millrace-")["QueueUrls"]
    names = {url.rpartition("/")[2] for url in found}
    assert names == {f"millrace-{name}{dead}" for name in ("orders", "wake-ups", "notices") for dead in ("", "_dead")}
