"""Prints what starting a shell costs: bare, and through Shells under each isolation this machine offers.

    python -m tests.performance.spawn

Bare and other starts take turns, so that a busy machine is as unfair to one as to the other.
"""

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

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


def timed(run: Callable[[int], None]) -> float:
    start = time.perf_counter()
    run(0)
    return (time.perf_counter() - start) * 1e3


def at_once(run: Callable[[int], None]) -> float:
    """Milliseconds per run when each of the threads has a slot."""
    with ThreadPoolExecutor(THREADS) as threads:
        start = time.perf_counter()
        list(threads.map(lambda slot: [run(slot) for _ in range(EACH)], range(THREADS)))
        return (time.perf_counter() - start) * 1e3 / (THREADS * EACH)


def compare(name: str, run: Callable[[int], None]) -> None:
    pairs = [(timed(bare), timed(run)) for _ in range(RUNS + 10)][10:]
    base, took = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    base_at_once, took_at_once = at_once(bare), at_once(run)
    figures = (base, took, took - base, took / base, base_at_once, took_at_once)
    print(f"{name:<28}" + "".join(f"{figure:>12.2f}" for figure in figures))


def main() -> None:
    load = os.getloadavg()[0]
    print(
        f"`bash -c :` on {platform.node()} ({os.cpu_count()} cores, load {load:.1f}); milliseconds, medians of {RUNS}"
    )
    heads = ("bare", "Shells", "more", "ratio", f"bare x{THREADS}", f"Shells x{THREADS}")
    print(f"{'':<28}" + "".join(f"{head:>12}" for head in heads))
    for isolation in dict.fromkeys((choose_isolation(), Isolation.NONE)):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o711)
            with Shells(Path(folder) / "scratch", THREADS, isolation) as shells:
                for slot in range(THREADS):
                    shells.prepare(slot)
                compare(f"run ({isolation})", through(shells))
                compare(f"prepare, run, clear ({isolation})", whole(shells))


if __name__ == "__main__":
    main()
