"""Prints what starting a shell costs: bare, and through Shells under each isolation this machine offers.

python -m tests.performance.spawn
"""

import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chalicelib.shells import Isolation, Shells, Stop, choose_isolation

RUNS, THREADS, EACH = 100, 16, 25


def bare(slot: int) -> None:
    subprocess.run(["bash", "-c", ":"], check=True)


def through(shells: Shells) -> Callable[[int], None]:
    def run(slot: int) -> None:
        outcome = shells.run(slot, commands=[":"], env={}, timeout=10, on_output=len, stop=Stop())
        assert outcome.succeeded, outcome

    return run


def whole(shells: Shells) -> Callable[[int], None]:
    def run(slot: int) -> None:
        shells.prepare(slot)
        through(shells)(slot)
        shells.clear(slot)

    return run


def measure(name: str, run: Callable[[int], None]) -> float:
    run(0)
    took = sorted(timed(run) for _ in range(RUNS))
    with ThreadPoolExecutor(THREADS) as threads:
        start = time.perf_counter()
        list(threads.map(lambda slot: [run(slot) for _ in range(EACH)], range(THREADS)))
        each = (time.perf_counter() - start) / (THREADS * EACH)
    middle = statistics.median(took)
    print(f"{name:<28}{middle * 1e3:>9.2f}{took[RUNS * 9 // 10] * 1e3:>9.2f}{each * 1e3:>12.2f}", end="")
    return middle


def timed(run: Callable[[int], None]) -> float:
    start = time.perf_counter()
    run(0)
    return time.perf_counter() - start


def main() -> None:
    print(f"starting `bash -c :` on {platform.node()}, {RUNS} runs, then {THREADS} threads; milliseconds")
    print(f"{'':<28}{'median':>9}{'p90':>9}{'16 threads':>12}{'to bare':>9}")
    base = measure("subprocess.run", bare)
    print()
    for isolation in dict.fromkeys((choose_isolation(), Isolation.NONE)):
        with tempfile.TemporaryDirectory() as scratch:
            Path(scratch).chmod(0o711)
            with Shells(Path(scratch) / "s", THREADS, isolation) as shells:
                for slot in range(THREADS):
                    shells.prepare(slot)
                print(f"{measure(f'run ({isolation})', through(shells)) / base:>9.2f}")
                print(f"{measure(f'prepare, run, clear ({isolation})', whole(shells)) / base:>9.2f}")


if __name__ == "__main__":
    main()
