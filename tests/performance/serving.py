"""How fast it answers, and what it weighs."""

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.performance.account import Account, sign_up
from tests.performance.engine import one_order_job
from tests.performance.preload import preload
from tests.product import Product, running

Row = tuple[str, str]

HERE = Path(__file__).parent
SIZES = (100, 10_000, 100_000)
CONNECTIONS = 50
SECONDS = 8.0
PAGES = 20
SETTLED = 10.0
ALL_LISTEN = 3.0
"""Seconds after which every web process takes connections; the first that does would be given all of them."""


def ceiling(_: Path) -> Iterator[Row]:
    with subprocess.Popen([sys.executable, HERE / "echo.py"], stdout=subprocess.PIPE, text=True) as server:
        port = int((server.stdout or sys.stdin).readline())
        yield "the generator against a bare echo", _rate(_generate("127.0.0.1", port, ["GET / HTTP/1.1\r\n\r\n"]))
        server.kill()


def lists(folder: Path) -> Iterator[Row]:
    for size in SIZES:
        with running(folder / str(size)) as product:
            account = sign_up(product)
            preload(folder / str(size), account.tenant_id, size)
            request = _request(product, account, "GET", "/api/jobs?limit=50")
            yield f"lists of 50 of {size:,} jobs", _under_load(product, request)


def submits(folder: Path) -> Iterator[Row]:
    yield from _submits(folder, workers=1)


def submits_alone(folder: Path) -> Iterator[Row]:
    yield from _submits(folder, workers=0)


def job_page(folder: Path) -> Iterator[Row]:
    orders = [{"cmds": [":"], "timeout": 60} for _ in range(1000)]
    with running(folder / "data") as product:
        account = sign_up(product)
        job_id = account.submit({"name": "large", "orders": orders, "max_parallel": 100})
        begun = time.perf_counter()
        account.ended(job_id, pause=0.5)
        yield "1,000 orders run in", f"{time.perf_counter() - begun:.1f} s"
        yield "the job as JSON, median", _median(account.http, f"/api/jobs/{job_id}")
        yield "the job's page, median", _median(_browser(product, account), f"/jobs/{job_id}")


def idle_memory(folder: Path) -> Iterator[Row]:
    with running(folder / "data") as product:
        account = sign_up(product)
        account.ended(account.submit(one_order_job()))
        _median(_browser(product, account), "/jobs")
        time.sleep(SETTLED)
        sizes = {pid: _pss(pid) for pid in _family(product.pid)}
        for pid, size in sizes.items():
            yield _command(pid), f"{size / 1e6:.0f} MB"
        yield "all together (PSS)", f"{sum(sizes.values()) / 1e6:.0f} MB"


def _submits(folder: Path, *, workers: int) -> Iterator[Row]:
    body = json.dumps(one_order_job())
    for size in SIZES:
        with running(folder / str(size), workers=workers) as product:
            account = sign_up(product)
            preload(folder / str(size), account.tenant_id, size)
            request = _request(product, account, "POST", "/api/jobs", body)
            yield f"submits beside {size:,} jobs", _under_load(product, request)


def _request(product: Product, account: Account, method: str, path: str, body: str = "") -> str:
    headers = {"Host": f"{product.host}:{product.port}", "Authorization": f"Bearer {account.token}"}
    if body:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return "\r\n".join(
        [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", body]
    )


def _under_load(product: Product, request: str) -> str:
    time.sleep(ALL_LISTEN)
    return _rate(_generate(product.host, product.port, [request]))


def _generate(host: str, port: int, requests: list[str]) -> dict[str, Any]:
    asked = {"host": host, "port": port, "connections": CONNECTIONS, "seconds": SECONDS, "requests": requests}
    done = subprocess.run(
        [sys.executable, HERE / "generator.py"], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _rate(told: dict[str, Any]) -> str:
    errors = f"  {told['errors']} ERRORS" if told["errors"] else ""
    return f"{told['count'] / told['seconds']:,.0f}/s  p50 {told['p50']:.1f} ms  p99 {told['p99']:.1f} ms{errors}"


def _median(http: httpx.Client, path: str) -> str:
    times = []
    for _ in range(PAGES):
        begun = time.perf_counter()
        answer = http.get(path).raise_for_status()
        times.append(time.perf_counter() - begun)
    return f"{statistics.median(times) * 1000:.1f} ms  ({len(answer.content):,} bytes)"


def _browser(product: Product, account: Account) -> httpx.Client:
    """Signed in on the pages, by cookie."""
    http = httpx.Client(base_url=product.url, timeout=60, follow_redirects=True)
    found = re.search(r'name="proof" value="(\w+)"', http.get("/login").raise_for_status().text)
    proof = found[1] if found else ""
    http.post("/login", data={"email": account.email, "password": account.password, "proof": proof}).raise_for_status()
    return http


def _family(pid: int) -> list[int]:
    """The process and all that come from it."""
    children = [child for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()]
    return [pid, *(each for child in children for each in _family(int(child)))]


def _pss(pid: int) -> int:
    """Bytes: its own memory, and its share of what it shares."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def _command(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return " ".join(Path(word).name for word in words if word)[:40]
