"""What other processes do to a home's storage while a test looks on."""

import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from chalicelib.clock import SystemClock
from chalicelib.documents import Absent, Key, Put, Update
from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.queues.sqlite import SqliteQueues
from chalicelib.sqlite import Database

COUNTER = Key("tenant", "counter")
SPAWN = get_context("spawn")


def run(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    process = SPAWN.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)


def open_documents(folder: Path) -> SqliteDocuments:
    return SqliteDocuments(Database(folder / "millrace.db"), SystemClock())


def open_queues(folder: Path) -> SqliteQueues:
    return SqliteQueues(Database(folder / "millrace.db"), SystemClock(), folder / "wake")


def count_up(folder: Path, times: int) -> None:
    documents = open_documents(folder)
    for _ in range(times):
        documents.transact([Update(COUNTER, add={"n": 1})])


def receive_all(folder: Path, name: str) -> None:
    """Note each message's number in a file, until nothing has come for a while."""
    queues = open_queues(folder)
    with (folder / name).open("w") as notes:
        while messages := queues.receive("work", wait=1):
            notes.writelines(f"{message.body['n']}\n" for message in messages)
            queues.acknowledge("work", [message.receipt for message in messages])


def receive_one(folder: Path, name: str) -> None:
    [message] = open_queues(folder).receive("work", wait=30)
    (folder / name).write_text(str(message.body["n"]))


def write_without_end(folder: Path, name: str) -> None:
    """Note each number once its document is acknowledged."""
    documents = open_documents(folder)
    with (folder / name).open("w", buffering=1) as notes:
        for number in range(1_000_000):
            documents.transact([Put(Key(name, f"{number:06}"), {"n": number}, [Absent()])])
            notes.write(f"{number}\n")
