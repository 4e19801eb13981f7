"""An emulated AWS that runs Lambda code as it was packaged, in an environment of its own (`make emulator`)."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import boto3

ROOT = Path(__file__).resolve().parents[1]
REGION = "eu-west-1"
ACCOUNT, SECRET = "123456789012", "emulated"


@dataclass(frozen=True)
class Ministack:
    """`environment` leads Millrace, its scripts and boto3 there."""

    endpoint: str
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
            "MILLRACE_AWS_ENDPOINT": self.endpoint,
        }

    def client(self, service: str) -> Any:
        given = self.environment
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Ministack]:
    """With nothing in it; its files and its log are in `folder`. `settings` are its own: AUTH="true" checks all."""
    port = _free_port()
    log = folder / "ministack.log"
    here = {
        # It checks the signatures of links with it.
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        # State machines wait a fiftieth of what they are told to.
        "SFN_WAIT_SCALE": "0.02",
        "TMPDIR": str(folder),
    }
    # Its Lambdas inherit what is here: nothing of ours may lead them to it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MILLRACE_", "PYTHON", "COV"))}
    with log.open("w") as output:
        process = subprocess.Popen([_program()], env=kept | here | settings, stdout=output, stderr=output, cwd=folder)
        try:
            _await(process, f"http://127.0.0.1:{port}/_ministack/health", log)
            yield Ministack(f"http://127.0.0.1:{port}", log)
        finally:
            process.terminate()
            process.wait(30)


def _program() -> Path:
    environment = Path(os.environ.get("EMULATOR", f"{sys.prefix}-emulator"))
    program = ROOT / environment / "bin" / "ministack"
    assert program.exists(), f"{program} is missing: make emulator"
    return program


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    while process.poll() is None:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, ConnectionError):
            time.sleep(0.05)
    raise RuntimeError(f"ministack did not start:\n{log.read_text()[-2000:]}")
