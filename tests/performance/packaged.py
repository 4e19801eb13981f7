"""How long the packaged functions take to start: what the first request to each of them waits for."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.packaged import package

TIMES = 5
HEAVY = 8
IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
begun, spent = time.perf_counter(), time.process_time()
import app
print(round((time.perf_counter() - begun) * 1000), round((time.process_time() - spent) * 1000), len(sys.modules))
"""


def start(folder: Path) -> Iterator[tuple[str, str]]:
    """Of the zip alone, in a Python without site-packages, as Lambda has it."""
    root = folder / "task"
    archive = package(folder) / "deployment.zip"
    yield "zip", f"{archive.stat().st_size / 1e6:.1f} MB"
    with zipfile.ZipFile(archive) as whole:
        whole.extractall(root)
    yield "import app", _best(root)
    for name, spent in _heaviest(root):
        yield f"  {name}", f"{spent / 1000:.0f} ms with all that it imports first"
    for compiled in root.rglob("*.pyc"):
        compiled.unlink()
    yield "import app, were it not compiled", _best(root)


def _best(root: Path) -> str:
    runs = [tuple(map(int, _run(root).stdout.split())) for _ in range(TIMES)]
    wall, cpu, modules = min(runs)
    return f"{wall} ms ({cpu} ms of processor, {modules} modules), the best of {TIMES}"


def _heaviest(root: Path) -> list[tuple[str, int]]:
    """Pairs of module and microseconds."""
    lines = re.findall(r"import time:\s+\d+ \|\s+(\d+) \|\s+(\S+)", _run(root, "-X", "importtime").stderr)
    found = sorted(((name, int(spent)) for spent, name in lines), key=lambda each: -each[1])
    return found[1 : HEAVY + 1]


def _run(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", "-B", *options, "-c", IMPORT, str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
