"""What `make package` builds, once for all tests of a run."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def package(shared: Path, stage: str = "dev") -> Path:
    """The folder that holds the zip and the template. `shared` is a folder that all test processes know."""
    folder = shared / f"package-{stage}"
    with (shared / f"package-{stage}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "sam.json").exists():
            command = [sys.executable, ROOT / "scripts/package.py", stage, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            assert done.returncode == 0, done.stderr[-3000:]
    return folder


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """One for all processes of pytest-xdist, each of which has a folder of its own in it."""
    own = factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own
