"""Threads that make records of one shard side by side. They die with the process: nothing waits for a hung model."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Broken:
    """The work failed in a way that concerns more than its own task."""

    why: BaseException


class Crew(Generic[Task, Done]):
    def __init__(self, work: Callable[[Task], Done], size: int) -> None:
        self._work = work
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done | Broken] = queue.SimpleQueue()
        self._size = size
        for number in range(size):
            threading.Thread(target=self._serve, name=f"record-{number}", daemon=True).start()

    def give(self, task: Task) -> None:
        self._tasks.put(task)

    def take_back(self) -> list[Task]:
        """The tasks that nobody has begun."""
        found: list[Task] = []
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                return found
            if task is not None:
                found.append(task)

    @property
    def has_more(self) -> bool:
        """Whether something is ready to be taken at once."""
        return not self._done.empty()

    def take(self, wait: float) -> Done | Broken | None:
        try:
            return self._done.get(timeout=wait)
        except queue.Empty:
            return None

    def dismiss(self) -> None:
        for _ in range(self._size):
            self._tasks.put(None)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                self._done.put(self._work(task))
            except BaseException as why:  # noqa: BLE001 - the edge of a thread
                # Told to whoever waits for the result, who knows what it means.
                self._done.put(Broken(why))
