"""How fast orders run."""

import statistics
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.performance.account import Account, sign_up
from tests.product import running

Row = tuple[str, str]

RUNS = 7
WIDTH = 100
LENGTH = 40
SUBMISSIONS = 200
SPAWNS = 200


def chain(folder: Path) -> Iterator[Row]:
    with running(folder / "data") as product:
        yield from _runs(f"{LENGTH}-order chain", _times(sign_up(product), chain_job()))


def overhead(folder: Path) -> Iterator[Row]:
    bare = _bare_spawn()
    yield "bare spawn of bash", f"{bare * 1000:.2f} ms"
    with running(folder / "data") as product:
        per_order = statistics.median(_times(sign_up(product), chain_job())) / LENGTH
    yield "an order of the chain", f"{per_order * 1000:.2f} ms"
    yield "overhead per order", f"{(per_order - bare) * 1000:.2f} ms"


def fan(folder: Path) -> Iterator[Row]:
    with running(folder / "data") as product:
        account = sign_up(product)
        yield from _runs("max_parallel 10 (default)", _times(account, fan_job()))
        yield from _runs("max_parallel 100", _times(account, fan_job() | {"max_parallel": 100}))


def first_order(folder: Path) -> Iterator[Row]:
    waits = []
    with running(folder / "data") as product:
        account = sign_up(product)
        account.ended(account.submit(one_order_job()))
        for _ in range(SUBMISSIONS):
            sent = time.time()
            order = account.ended(account.submit(one_order_job()), pause=0.01)["orders"][0]
            waits.append(_moment(order["started_at"]) - sent)
    waits.sort()
    yield f"submit to first order started, p50 of {SUBMISSIONS}", f"{waits[len(waits) // 2] * 1000:.1f} ms"
    yield "p99", f"{waits[len(waits) * 99 // 100] * 1000:.1f} ms"


def one_order_job() -> dict[str, Any]:
    return {"name": "one", "orders": [_order("only")]}


def chain_job() -> dict[str, Any]:
    return {"name": "chain", "orders": [_order(f"o{n}", *([f"o{n - 1}"] if n else [])) for n in range(LENGTH)]}


def fan_job() -> dict[str, Any]:
    middle = [f"m{n}" for n in range(WIDTH)]
    return {"name": "fan", "orders": [_order("out"), *(_order(name, "out") for name in middle), _order("in", *middle)]}


def _order(name: str, *dependencies: str) -> dict[str, Any]:
    return {"order_name": name, "cmds": [":"], "timeout": 60, "dependencies": list(dependencies)}


def _times(account: Account, job: dict[str, Any]) -> list[float]:
    """Seconds from acceptance to end, by the server's own record; the first run warms up and does not count."""
    return [_took(account.ended(account.submit(job))) for _ in range(RUNS + 1)][1:]


def _took(job: dict[str, Any]) -> float:
    if job["status"] != "succeeded":
        raise RuntimeError(f"The job {job['status']}: {job['reason']}")
    return _moment(job["ended_at"]) - _moment(job["created_at"])


def _runs(what: str, times: list[float]) -> Iterator[Row]:
    yield f"{what}, median of {RUNS}", f"{statistics.median(times):.3f} s  ({min(times):.3f} .. {max(times):.3f})"


def _bare_spawn() -> float:
    """Seconds that a bash which does nothing takes, at the median."""
    times = []
    for _ in range(SPAWNS):
        begun = time.perf_counter()
        subprocess.run(["/bin/bash", "-c", ":"], check=True)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
