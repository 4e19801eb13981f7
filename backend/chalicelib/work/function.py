"""The worker program as a Lambda function. Its machine serves others afterwards, so it leaves nothing on it."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.shells import Stop
from chalicelib.work.running import run

ALONE = Path(__file__).is_relative_to("/var/task")
"""On Lambda the temporary folder is this function's own. An emulator runs it among others, whose files are not ours."""


def work(event: Mapping[str, Any], remaining: float) -> dict[str, Any]:
    """`event` is {"order": link}; `remaining` the seconds of this invocation."""
    until = time.monotonic() + remaining
    root = Path(tempfile.gettempdir())
    before = {each.name for each in root.iterdir()}
    try:
        with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
            left = lambda: until - time.monotonic()  # noqa: E731 - a name for its one use
            return {"status": run(str(event["order"]), Path(folder) / "work", Stop(), remaining=left)}
    finally:
        if ALONE:
            for each in root.iterdir():
                if each.name not in before:
                    _remove(each)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
