"""Builders: whole things with good defaults, of which a test names only what it is about."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import argon2

from chalicelib.accounts.model import Caller, Role
from chalicelib.clock import Clock
from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.generation.templates.rendering import Renderer
from chalicelib.identity.local import LocalIdentity
from chalicelib.jobs.executors import Assignment, Executor, Started
from chalicelib.jobs.model import Order, Target
from chalicelib.jobs.submission import JobRequest, parse_request
from chalicelib.keys.folder import FolderKeys
from chalicelib.mail.outbox import Outbox
from chalicelib.objects.folder import FolderObjects
from chalicelib.presence.locks import LockPresence
from chalicelib.queues.sqlite import SqliteQueues
from chalicelib.rates.files import FileRates
from chalicelib.settings import read_settings
from chalicelib.sqlite import Database
from chalicelib.vault import Vault
from chalicelib.wiring import Ports, connect_hosts, connect_models, connect_prices
from tests.clocks import ManualClock

RENDERER = Renderer(processes=1)
"""One for all tests of a process: it starts an interpreter of its own."""
_FOLDERS = tempfile.TemporaryDirectory(prefix="millrace-test-")
"""Goes away with the test process."""
CHEAP_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class HandTarget:
    """A target whose orders a test begins and ends by hand."""

    def __init__(self) -> None:
        self.handed: list[Assignment] = []
        self.stopped: list[Assignment] = []
        self.gone: set[str] = set()
        self.answer: Started | Exception = Started.HANDED_OVER
        self.keeps = True

    def start(self, assignments: list[Assignment]) -> Started:
        if isinstance(self.answer, Exception):
            raise self.answer
        self.handed += assignments
        return self.answer

    def stop(self, order: Order, assignment: Assignment) -> None:
        self.stopped.append(assignment)

    def may_keep(self) -> bool:
        return self.keeps

    def lost(self, order: Order) -> bool:
        return order.worker in self.gone


def ports(clock: Clock | None = None, executors: Mapping[Target, Executor] | None = None, **settings: str) -> Ports:
    """A home in memory, with its files in a fresh temporary folder."""
    clock = clock or ManualClock()
    data = Path(tempfile.mkdtemp(dir=_FOLDERS.name))
    database = Database(None)
    documents = SqliteDocuments(database, clock)
    read = read_settings({"MILLRACE_DATA": str(data), **settings})
    return Ports(
        settings=read,
        clock=clock,
        documents=documents,
        objects=FolderObjects(data / "objects", b"links" * 8, clock),
        queues=SqliteQueues(database, clock, None),
        identity=LocalIdentity(documents, clock, FolderKeys(data / "keys"), hasher=CHEAP_HASHER),
        mail=Outbox(data / "outbox", clock, sender="Millrace <millrace@millrace.test>"),
        rates=FileRates(data / "rates", clock),
        presence=LockPresence(data / "workers"),
        keys=FolderKeys(data / "keys"),
        vault=Vault(FolderKeys(data / "keys")),
        llm=connect_models(read, clock),
        prices=connect_prices(read),
        renderer=RENDERER,
        executors={Target.PROCESS: HandTarget()} if executors is None else executors,
        hosts=connect_hosts(read),
    )


def caller(tenant_id: str = "acme", role: Role = Role.ADMIN, **changes: str) -> Caller:
    someone = Caller(
        user_id=f"user-of-{tenant_id}",
        email=f"ada@{tenant_id}.example",
        tenant_id=tenant_id,
        organisation=tenant_id.title(),
        role=role,
    )
    return replace(someone, **changes)


def order(name: str | None = None, *, after: Sequence[int | str] = (), **fields: Any) -> dict[str, Any]:
    """An order as submitted."""
    named = {"order_name": name} if name else {}
    waits = {"dependencies": list(after)} if after else {}
    return {"cmds": ["true"], "timeout": 60, **named, **waits, **fields}


def submission(*orders: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"orders": list(orders) or [order("only")], **fields}


def request(*orders: Mapping[str, Any], **fields: Any) -> JobRequest:
    return parse_request(submission(*orders, **fields))
