"""The server as a process: what it starts, what it survives, and that nothing of it is left."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.product import MILLRACE, running

pytestmark = pytest.mark.integration

PATIENCE = 30


def ask(product, path="/api/health"):
    with urllib.request.urlopen(product.url + path, timeout=10) as answer:
        return json.load(answer)


def eventually(fact):
    """What `fact` answers once it is true; a refused connection is not yet."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            found = fact()
        except (urllib.error.URLError, ConnectionError):
            found = None
        if found:
            return found
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] + [
        int(each)
        for task in Path(f"/proc/{pid}/task").iterdir()
        if task.name != str(pid)
        for each in (task / "children").read_text().split()
    ]


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


def workers(product):
    return [each for each in children(product.pid) if "chalicelib.worker" in command(each)]


def web_processes(product):
    return [each for each in children(product.pid) if "chalicelib.worker" not in command(each)]


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def listens(product):
    with socket.socket() as probe:
        return probe.connect_ex((product.host, product.port)) == 0


@pytest.fixture
def product(tmp_path):
    with running(tmp_path / "data") as started:
        yield started


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """For tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("shared") / "data", workers=0) as started:
        yield started


def test_it_is_well(product):
    health = eventually(lambda: (found := ask(product))["status"] == "ok" and found)
    assert {each["name"] for each in health["checks"]} == {"documents", "objects", "workers", "queues"}


def test_it_says_where_it_runs_and_how(product, tmp_path):
    line = (tmp_path / "data.log").read_text().splitlines()[0]
    assert line.startswith(f"Millrace is running at {product.url}  (data: {tmp_path / 'data'}, isolation: ")


def test_a_taken_port_is_told(shared, tmp_path):
    environment = {**os.environ, "MILLRACE_PORT": str(shared.port), "MILLRACE_DATA": str(tmp_path / "other")}
    second = subprocess.run(
        [MILLRACE, "serve"], check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert second.returncode == 1
    assert f"Port {shared.port} of 127.0.0.1 is taken." in second.stderr


def test_web_processes_that_die_one_after_the_other_come_back(product):
    for _ in range(4):
        eventually(lambda: len(web_processes(product)) == 2)
        os.kill(web_processes(product)[0], signal.SIGKILL)
        assert eventually(lambda: ask(product))
    assert eventually(lambda: len(web_processes(product)) == 2)


def test_a_worker_that_dies_comes_back(product):
    (first,) = eventually(lambda: workers(product))
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: [each for each in workers(product) if each != first])


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_seconds_and_leaves_nothing(product, asked):
    eventually(lambda: ask(product)["status"] == "ok")
    started = children(product.pid)
    os.kill(product.pid, asked)
    assert eventually(lambda: all(map(is_gone, [product.pid, *started])))
    assert not listens(product)


def test_a_killed_server_leaves_nothing_behind(product):
    eventually(lambda: ask(product)["status"] == "ok")
    started = children(product.pid)
    product.kill()
    assert eventually(lambda: all(map(is_gone, started)))


def test_a_killed_server_s_port_is_free_at_once(product, tmp_path):
    product.kill()
    with running(tmp_path / "data", port=product.port) as again:
        assert eventually(lambda: ask(again))


def test_a_client_that_hangs_up_does_no_harm(shared):
    for _ in range(20):
        with socket.create_connection((shared.host, shared.port)) as line:
            line.sendall(b"POST /api/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert ask(shared)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /api/user HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\n b\r\n\r\n", (400, 401)),
        (b"GET /api/user HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 600_000 + b"\r\n\r\n", (431,)),
        (b"GET /api/%00 HTTP/1.1\r\nHost: x\r\n\r\n", (400, 404)),
        (b"GET /%zz/%FF HTTP/1.1\r\nHost: x\r\n\r\n", (400, 404)),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", (400, 404)),
        (b"G\x00T / HTTP/1.1\r\n\r\n", (400,)),
        (b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n", (413,)),
        (b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", (400,)),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", (405,)),
    ],
    ids=lambda each: repr(each[:40]) if isinstance(each, bytes) else "",
)
def test_what_is_hardly_http_is_refused(shared, sent, status):
    with socket.create_connection((shared.host, shared.port), timeout=10) as line:
        line.sendall(sent)
        first = line.recv(65536).split(b"\r\n")[0]
    assert int(first.split()[1]) in status


def test_a_large_body_is_refused_before_it_is_read(shared):
    request = urllib.request.Request(shared.url + "/api/login", b" " * 10_000_000, {"Content-Type": "application/json"})
    with pytest.raises((urllib.error.HTTPError, urllib.error.URLError)) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert getattr(refused.value, "code", 413) == 413
