"""A circuit breaker per model: what does not answer is left alone for a while, and then asked by one call first."""

import threading
import time
from collections.abc import Callable
from functools import cache

FAILURES = 5
SHORTEST, LONGEST = 0.5, 30.0


class Breaker:
    """Closed until FAILURES calls in a row failed; then open for a time that doubles with each failed try.

    It delays calls and drops none: who is not let through asks again after `wait()` seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = SHORTEST
        self._shut_until = 0.0
        self._trying = False

    def wait(self) -> float:
        """0 when a call may go now; it must be followed by `worked`, `failed` or `left_out`."""
        with self._lock:
            now = self._now()
            if now < self._shut_until:
                return self._shut_until - now
            if self._failures >= FAILURES:
                if self._trying:
                    return SHORTEST
                self._trying = True
            return 0.0

    def left_out(self) -> None:
        """The call that was let through did not go, and told nothing."""
        with self._lock:
            self._trying = False

    def worked(self) -> None:
        with self._lock:
            self._failures, self._pause, self._shut_until, self._trying = 0, SHORTEST, 0.0, False

    def failed(self, retry_after: float = 0.0) -> None:
        with self._lock:
            self._failures += 1
            was_trying, self._trying = self._trying, False
            if was_trying:
                self._pause = min(LONGEST, 2 * self._pause)
            pause = self._pause if self._failures >= FAILURES else 0.0
            self._shut_until = max(self._shut_until, self._now() + max(pause, retry_after))

    @property
    def rest(self) -> float:
        """Seconds for which it is left alone; 0 when it is not, or is just being tried."""
        with self._lock:
            return max(0.0, self._shut_until - self._now())

    @property
    def is_open(self) -> bool:
        with self._lock:
            return self._failures >= FAILURES


class Breakers:
    """Those of all models, shared by everything that one process runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, Breaker] = {}

    def of(self, model: str) -> Breaker:
        with self._lock:
            return self._of.setdefault(model, Breaker())


@cache
def breakers() -> Breakers:
    """Those of this process."""
    return Breakers()
