"""The one composition root: Settings -> Ports. Nothing else imports an adapter."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.clock import Clock, SystemClock
from chalicelib.documents import Documents
from chalicelib.identity import Identity
from chalicelib.jobs.executors import Executor
from chalicelib.jobs.model import Target
from chalicelib.objects import Objects
from chalicelib.queues import Queues
from chalicelib.settings import Settings
from chalicelib.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    settings: Settings
    clock: Clock
    documents: Documents
    objects: Objects
    queues: Queues
    identity: Identity
    vault: Vault
    executors: Mapping[Target, Executor]


def connect(settings: Settings, clock: Clock | None = None) -> Ports:
    """The ports of a home; makes the data folder on first use."""
    clock = clock or SystemClock()
    raise NotImplementedError(settings, clock)
