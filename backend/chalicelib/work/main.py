"""The worker program on a machine of a provider: a build, a command on an instance, a task."""

import logging
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

from chalicelib.shells import Stop
from chalicelib.work.links import NotReached
from chalicelib.work.running import run


def main(link: str) -> int:
    """The exit code: 0 once Millrace knows how it ended, however that was."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="[millrace] %(message)s")
    stop = Stop()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        # In a thread of its own: the one that is interrupted here may hold the stop's lock.
        threading.Thread(target=stop.set).start()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        try:
            status = run(link, Path(folder) / "work", stop)
        except NotReached as error:
            logging.error("Millrace could not be told: %s", error)  # noqa: LOG015, TRY400 - the process's only log
            return 1
    logging.info("%s", status)  # noqa: LOG015 - the same
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.readline().strip()))
