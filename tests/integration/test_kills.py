"""Workers and servers killed with -9 at random moments of running jobs; `--kills 200` kills for longer.

On AWS a third as many, since each costs more there.
"""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests import make
from tests.product import Product, emulated_aws, running, running_over

pytestmark = pytest.mark.integration

JOBS, AT_ONCE = 12, 6
PATIENCE = 120


class Home:
    """The product, started again by `run` whenever its first process was killed."""

    def __init__(self, run: Callable[..., AbstractContextManager[Product]], kills: int) -> None:
        self.run = run
        self.kills = kills
        self.stack = ExitStack()
        self.start()

    def start(self) -> None:
        self.product: Product = self.stack.enter_context(self.run(workers=2, slots=4))

    def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if pid == self.product.pid:
            self.stack.close()
            self.start()

    def processes(self) -> list[int]:
        """The first process and all below it: web processes, workers, what starts their shells. Not the shells."""
        return _family(self.product.pid)


SPAWNER = b"-I\0-S\0"
"""In the command line of the two processes of a spawner, of which the first is the second's parent."""


def _family(pid: int, spawners: int = 0) -> list[int]:
    """What ends while we look is left out; and so are shells, though for a while they look like what starts them."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(each) for task in tasks for each in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    spawners += SPAWNER in command
    if b"python" not in command or spawners > 2:
        return []
    return [pid, *(each for child in children for each in _family(child, spawners))]


@pytest.fixture(params=["local", "aws"])
def home(request, tmp_path) -> Iterator[Home]:
    kills = request.config.getoption("--kills")
    with ExitStack() as emulators:
        if request.param == "local":
            found = Home(partial(running, tmp_path / "data"), kills)
        else:
            aws = emulators.enter_context(emulated_aws(tmp_path))
            found = Home(partial(running_over, aws, tmp_path / "data"), kills // 3)
        with found.stack:
            yield found


@pytest.fixture
def notes() -> Iterator[Path]:
    """A file that orders of all users append to: what really ran."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "notes"
        path.touch()
        path.chmod(0o666)
        yield path


def a_job(notes: Path, kind: int) -> dict:
    """A diamond whose middle takes some time; every third job has a failing order behind it."""
    note = f'echo "$RUN_ID $ORDER_NUM $ATTEMPT" >> {notes}'
    middle = [make.order(f"m{n}", after=["first"], cmds=[note, f"sleep 0.{n}"]) for n in range(1, 5)]
    last = make.order(
        "last", after=[each["order_name"] for each in middle], cmds=[note, "false" if kind == 0 else "true"]
    )
    return make.submission(make.order("first", cmds=[note]), *middle, last, max_parallel=3)


def test_every_job_ends_right_whatever_is_killed(home, notes):
    kills, dice = home.kills, random.Random(2)
    client = sign_up(home)
    jobs: dict[str, int] = {}
    killed = 0
    while killed < kills or len(jobs) < JOBS:
        while len(jobs) < JOBS or (killed < kills and len(open_jobs(home, client)) < AT_ONCE):
            kind = dice.randrange(3)
            jobs[submit(home, client, a_job(notes, kind))] = kind
        time.sleep(dice.uniform(0.05, 0.6))
        if killed < kills:
            home.kill(dice.choice(home.processes()))
            killed += 1
    wait_until_all_ended(home, client)
    assert {job_id: failures_of(home, client, job_id) for job_id in jobs} == {
        job_id: [("last", "exit code 1 (command 2 of 2: false)")] if kind == 0 else [] for job_id, kind in jobs.items()
    }
    runs = Counter(notes.read_text().splitlines())
    assert [each for each, times in runs.items() if times > 1] == []
    assert {each.split()[0] for each in runs} == set(jobs)


def sign_up(home: Home) -> dict[str, str]:
    body = {"email": "ada@mill.example", "password": "a long enough password", "organisation": "Mill"}
    answer = again(lambda: httpx.post(f"{home.product.url}/api/signup", json=body))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def submit(home: Home, headers: dict[str, str], job: dict) -> str:
    """An answer that a kill swallowed is asked for again, under the same key."""
    keyed = {**headers, "Idempotency-Key": os.urandom(8).hex()}
    return again(lambda: httpx.post(f"{home.product.url}/api/jobs", json=job, headers=keyed)).json()["job_id"]


def failures_of(home: Home, headers: dict[str, str], job_id: str) -> list[tuple[str, str]]:
    """Orders of the job that did not succeed, and why; the job's own status when it contradicts them."""
    job = again(lambda: httpx.get(f"{home.product.url}/api/jobs/{job_id}", headers=headers)).json()
    found = [(each["order_name"], each["reason"]) for each in job["orders"] if each["status"] != "succeeded"]
    return found if (job["status"] == "failed") == bool(found) else [("job", job["status"])]


def again(call) -> httpx.Response:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            answer = call()
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code < 300:
            return answer
        assert time.monotonic() < until, answer and answer.text
        time.sleep(0.1)


def open_jobs(home: Home, headers: dict[str, str]) -> list[str]:
    asked = [f"{home.product.url}/api/jobs?status={status}" for status in ("queued", "running")]
    pages = [again(lambda url=url: httpx.get(url, headers=headers)).json() for url in asked]
    return [each["job_id"] for page in pages for each in page["items"]]


def wait_until_all_ended(home: Home, headers: dict[str, str]) -> None:
    until = time.monotonic() + PATIENCE
    while left := open_jobs(home, headers):
        assert time.monotonic() < until, f"these jobs hang: {left}"
        time.sleep(0.1)
