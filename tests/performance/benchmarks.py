"""Prints what Millrace does on this machine beside what was promised. Nothing here fails on a time.

make performance [ONLY=name], or python -m tests.performance.benchmarks --only NAME --data FOLDER
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.performance import engine, generation, packaged, serving


@dataclass(frozen=True)
class Benchmark:
    """Measures in a folder of its own, and yields pairs of what and how much; `target` is the promise."""

    name: str
    target: str
    measure: Callable[[Path], Iterator[tuple[str, str]]]


BENCHMARKS = (
    Benchmark("chain", "40 orders in 0.6 s", engine.chain),
    Benchmark("overhead", "3 ms an order over bare spawn", engine.overhead),
    Benchmark("fan", "100 wide, out and in, in 0.6 s", engine.fan),
    Benchmark("first", "p50 15 ms, p99 60 ms", engine.first_order),
    Benchmark("ceiling", "far above what is measured", serving.ceiling),
    Benchmark("submits", "1,500/s, p99 60 ms, within 1.3x at 100,000", serving.submits),
    Benchmark("submits-alone", "1,500/s, p99 60 ms (no workers)", serving.submits_alone),
    Benchmark("lists", "2,000/s, within 1.3x at 100,000", serving.lists),
    Benchmark("page", "1,000 orders in 80 ms", serving.job_page),
    Benchmark("making", "a share of bare rendering", generation.making),
    Benchmark("busy", "a model of 200 ms kept 95 % busy", generation.busy),
    Benchmark("exports", "flat memory from 1,000 to 1,000,000 records", generation.exporting),
    Benchmark("memory", "250 MB idle", serving.idle_memory),
    Benchmark("start", "half a second of a Lambda's first request", packaged.start),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[each.name for each in BENCHMARKS], action="append")
    parser.add_argument(
        "--data", type=Path, help="where to keep the data while measuring; its disk is what is measured"
    )
    asked = parser.parse_args()
    print(machine(), flush=True)
    for each in BENCHMARKS:
        if not asked.only or each.name in asked.only:
            with tempfile.TemporaryDirectory(prefix="millrace-bench-", dir=asked.data) as folder:
                report(each, Path(folder))


def report(benchmark: Benchmark, folder: Path) -> None:
    print(f"\n{benchmark.name:<14} promised: {benchmark.target}")
    for what, much in benchmark.measure(folder):
        print(f"  {what:<44} {much}", flush=True)


def machine() -> str:
    info = Path("/proc/cpuinfo")
    models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    cores = f"{len(models)} x {models[0]}" if models else platform.processor()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    # What else runs here takes from what is measured.
    busy = f"load {os.getloadavg()[0]:.1f} before the start"
    return f"{platform.node()}: {cores}, {system}, {datetime.now(UTC):%Y-%m-%d}, {busy}"


if __name__ == "__main__":
    main()
