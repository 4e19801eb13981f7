"""Messages that nobody waits for: gathered, and sent together by a thread of its own."""

import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from chalicelib.errors import MillraceError
from chalicelib.queues import BATCH_LIMIT, Message

log = logging.getLogger(__name__)


class Later:
    """`send` takes what came for one queue. What it refuses is said in the log, and lost."""

    def __init__(self, send: Callable[[str, Sequence[Message]], None]) -> None:
        self._send = send
        self._waiting: SimpleQueue[tuple[str, Message]] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, queue: str, messages: Sequence[Message]) -> None:
        for message in messages:
            self._waiting.put((queue, message))
        # A fork has no threads but the one that forked.
        if self._thread is None or not self._thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._serve, name="messages", daemon=True)
                    self._thread.start()

    def _serve(self) -> None:
        while True:
            for queue, messages in self._gathered().items():
                try:
                    self._send(queue, messages)
                except MillraceError as error:
                    log.error("%s messages to %s were not sent: %s", len(messages), queue, error.detail)  # noqa: TRY400 - the detail says it all

    def _gathered(self) -> dict[str, list[Message]]:
        queue, message = self._waiting.get()
        found = {queue: [message]}
        try:
            for _ in range(BATCH_LIMIT - 1):
                queue, message = self._waiting.get_nowait()
                found.setdefault(queue, []).append(message)
        except Empty:
            pass
        return found
