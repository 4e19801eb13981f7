"""Workers and servers killed with -9 while they make records; `--kills 100` kills for longer."""

import os
import random
import signal
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from chalicelib.errors import MillraceError
from chalicelib.generation import store
from chalicelib.settings import read_settings
from chalicelib.wiring import connect
from tests.product import running

pytestmark = pytest.mark.integration

KILLS_PER_RUN = 3
RECORDS = 2000
PATIENCE = 90
STEPS = [
    {"id": "draft", "prompt": "Write about {{ topic }}.", "max_tokens": 60, "model": "offline/small+slow=40"},
    {"id": "short", "prompt": "Shorten: {{ steps.draft.output }}", "max_tokens": 30, "model": "offline/small+slow=40"},
]


class Home:
    """The product with somebody signed in, started again whenever its first process was killed."""

    def __init__(self, data):
        self.data = data
        self.stack = ExitStack()
        self.start()
        self.sign_in("signup", organisation="Mill")
        self.documents = connect(read_settings({"MILLRACE_DATA": str(data)})).documents

    def start(self):
        self.product = self.stack.enter_context(running(self.data, workers=2, slots=4))

    def sign_in(self, path="login", **more):
        self.headers = {}
        body = {"email": "ada@mill.example", "password": "a long enough password", **more}
        self.headers = {"Authorization": f"Bearer {self.send('POST', path, json=body).json()['access_token']}"}

    def send(self, method, path, headers=None, **more):
        """Asked again, under the same key, until there is an answer."""
        headers = {"Idempotency-Key": os.urandom(8).hex(), **(headers or {})}
        until = time.monotonic() + PATIENCE
        while True:
            url = f"{self.product.url}/api/{path}"
            with suppress(httpx.TransportError):
                answer = httpx.request(method, url, headers=self.headers | headers, follow_redirects=True, **more)
                if answer.status_code < 300:
                    return answer
                if answer.status_code == 401:
                    # The token ends after a quarter of an hour of kills.
                    self.sign_in()
                    continue
                assert answer.status_code in (409, 503), answer.text
            assert time.monotonic() < until
            time.sleep(0.1)

    def kill(self, dice):
        """The server, one of its web processes, or a worker."""
        pid = dice.choice([self.product.pid, *workers_below(self.product.pid)])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if pid == self.product.pid:
            self.stack.close()
            self.start()

    def template(self):
        return self.send("POST", "templates", json={"name": "Notes", "steps": STEPS}).json()["template_id"]

    def seeds(self):
        rows = "\n".join(["topic", *(f"topic {number}" for number in range(300))])
        csv = {"Content-Type": "text/csv"}
        return self.send("POST", "seed-data", headers=csv, content=rows.encode()).json()["seed_data_id"]

    def submit(self, **fields):
        return self.send("POST", "jobs", json={"budget_limit": 20, "num_records": RECORDS, **fields}).json()["job_id"]

    def run(self, job_id):
        return store.load_run(self.documents, job_id)

    def wait(self, job_id):
        until = time.monotonic() + PATIENCE
        while (job := self.send("GET", f"jobs/{job_id}").json())["status"] in ("queued", "running"):
            assert time.monotonic() < until, [each["reason"] for each in job["orders"]]
            time.sleep(0.2)
        return job["status"]

    def dataset(self, job_id):
        found = self.send("GET", f"jobs/{job_id}/exports").json()["items"][0]
        path = found["href"].removeprefix("/api/")
        return self.send("GET", path).content


def workers_below(pid):
    """Our processes, without those that render: they are replaced by their worker."""
    found = []
    for child in children(pid):
        command = command_of(child)
        if b"chalicelib.worker" in command or b"millrace" in command:
            found.append(child)
        found += workers_below(child)
    return found


def children(pid):
    with suppress(FileNotFoundError, ProcessLookupError):
        return [
            int(each)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for each in (task / "children").read_text().split()
        ]
    return []


def command_of(pid):
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


class Watch:
    """Looks at a job's money all the time."""

    def __init__(self, home, job_id):
        self.looks, self.broken = 0, []
        self._home, self._job_id = home, job_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(0.01):
            with suppress(MillraceError):
                run = self._home.run(self._job_id)
                self.looks += 1
                if run.spent + run.reserved > run.cap or run.spent + run.reserved + run.free != run.cap:
                    self.broken.append(run)


@pytest.fixture
def home(tmp_path):
    found = Home(tmp_path / "data")
    with found.stack:
        yield found
    until = time.monotonic() + PATIENCE
    while left := processes_of(found.data):
        assert time.monotonic() < until, left
        time.sleep(0.2)


def processes_of(data):
    """What runs on this data, whoever started it."""
    told = f"MILLRACE_DATA={data}".encode()
    return [each.name for each in Path("/proc").iterdir() if each.name.isdigit() and told in environment_of(each)]


def environment_of(process):
    with suppress(OSError):
        return (process / "environ").read_bytes().split(b"\0")
    return []


def test_kills_cost_no_record_and_pay_none_twice(home, request):
    kills, dice = request.config.getoption("--kills"), random.Random(4)
    wanted = {"template_id": home.template(), "seed_data_id": home.seeds()}
    first = home.submit(**wanted)
    assert home.wait(first) == "succeeded"
    whole, price = home.dataset(first), home.run(first).spent
    for _ in range(max(1, kills // KILLS_PER_RUN)):
        job_id = home.submit(**wanted)
        with Watch(home, job_id) as watch:
            for _ in range(KILLS_PER_RUN):
                time.sleep(dice.uniform(0.3, 2))
                home.kill(dice)
            assert home.wait(job_id) == "succeeded"
        run = home.run(job_id)
        assert watch.looks
        assert watch.broken == []
        assert home.dataset(job_id) == whole
        assert (run.done, run.failed) == (RECORDS, 0)
        assert run.spent == sum(line["cost"] for line in store.lines(home.documents, job_id)) == price
        assert run.lost == run.reserved


def test_a_worker_that_is_told_to_end_hands_its_shards_back_and_pays_nothing_twice(home):
    wanted = {"template_id": home.template(), "seed_data_id": home.seeds()}
    job_id = home.submit(**wanted)
    time.sleep(1.5)
    begun = time.monotonic()
    for pid in workers_below(home.product.pid):
        if b"chalicelib.worker" in command_of(pid):
            os.kill(pid, signal.SIGTERM)
            while b"chalicelib.worker" in command_of(pid):
                assert time.monotonic() < begun + 30
                time.sleep(0.05)
    assert home.wait(job_id) == "succeeded"
    run = home.run(job_id)
    assert (run.done, run.reserved, run.lost) == (RECORDS, 0, 0)
    orders = home.send("GET", f"jobs/{job_id}").json()["orders"]
    assert max(len(each["attempts"]) for each in orders) > 1
