"""Half a minute of Locust against a server of its own; the exit code is Locust's."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.product import running

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
USERS, SPAWN_RATE, SECONDS = 50, 5, 30


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="millrace-load-") as folder, running(Path(folder) / "data") as product:
        command = [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary"]
        shape = ["--users", str(USERS), "--spawn-rate", str(SPAWN_RATE), "--run-time", f"{SECONDS}s"]
        return subprocess.run([*command, *shape, "--host", product.url], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
