"""The real product in a folder of its own, started and stopped as a user would."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests import ministack, stores
from tests.mails import letters_in
from tests.ministack import Ministack

MILLRACE = Path(sys.executable).with_name("millrace")


@dataclass(frozen=True)
class Product:
    """`letters` gives the texts of what was mailed to an address, oldest first. `environment` is what it runs in."""

    url: str
    pid: int
    data: Path
    environment: Mapping[str, str]
    letters: Callable[[str], list[str]]

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").rsplit(":", 1)[0]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def make_platform_admin(self, email: str) -> None:
        """As whoever runs the machine does it."""
        command = [MILLRACE, "admins", "add", email]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def kill(self) -> None:
        """With no time to tidy up. What it started follows it by itself."""
        os.kill(self.pid, signal.SIGKILL)


@contextmanager
def running(data: Path, **settings: object) -> Iterator[Product]:
    """`settings` by their short names: workers=0 is MILLRACE_WORKERS=0."""
    given = {f"MILLRACE_{name.upper()}": str(value) for name, value in settings.items()}
    with _started(data, given, letters=partial(letters_in, data / "outbox")) as product:
        yield product


@contextmanager
def running_on_aws(data: Path, **settings: object) -> Iterator[Product]:
    """The same program over an emulated AWS of its own, with its orders in processes of this machine."""
    with emulated_aws(data.parent) as aws, running_over(aws, data, **settings) as product:
        stores.let_pages_upload(aws, product.url)
        yield product


@contextmanager
def emulated_aws(folder: Path) -> Iterator[Ministack]:
    """With a table and a bucket. It lets nobody in who signs wrongly, as AWS would not."""
    with ministack.running(folder, AUTH="true") as aws:
        stores.make(aws)
        yield aws


@contextmanager
def running_over(aws: Ministack, data: Path, **settings: object) -> Iterator[Product]:
    """One machine of a home there. Machines share no folder: each has `data` of its own."""
    given = {f"MILLRACE_{name.upper()}": str(value) for name, value in settings.items()}
    given = {**aws.environment, "MILLRACE_HOME": "aws", **given}
    with _started(data, given, letters=partial(stores.letters, aws)) as product:
        yield product


@contextmanager
def _started(data: Path, given: Mapping[str, str], letters: Callable[[str], list[str]]) -> Iterator[Product]:
    environment = {**os.environ, "MILLRACE_DATA": str(data), "MILLRACE_PORT": "0", "PYTHONUNBUFFERED": "1", **given}
    log = data.parent / f"{data.name}.log"
    with log.open("w") as output:
        command = [MILLRACE, "serve"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            yield Product(_address(process, log), process.pid, data, environment, letters)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        if found := re.search(r"http://[\w.:]+:\d+", log.read_text()):
            return found[0]
        time.sleep(0.02)
    raise RuntimeError(f"Millrace did not start:\n{log.read_text()[-2000:]}")
