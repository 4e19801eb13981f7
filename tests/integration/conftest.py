import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.aws import connect
from chalicelib.documents.dynamodb import DynamoDocuments
from chalicelib.documents.dynamodb.table import create_table
from chalicelib.identity.local import LocalIdentity
from chalicelib.settings import read_settings
from chalicelib.wiring import Ports
from tests import make
from tests.clocks import ManualClock
from tests.people import People

REGION = "eu-west-1"
tables = count(1)


@pytest.fixture(scope="session")
def aws() -> Iterator[Callable[[str], Any]]:
    """Makes clients of an emulated AWS. It is one for all tests: each makes its own table, bucket or queues."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield lambda service: connect(service, read_settings({}))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["local", "aws"])
def ports(request: pytest.FixtureRequest, clock: ManualClock) -> Ports:
    """A home over each of the stores. What a test makes is its own in both."""
    if request.param == "local":
        return make.ports(clock)
    return on_dynamodb(make.ports(clock), request.getfixturevalue("aws")("dynamodb"))


class OneAtATime:
    """A client whose calls wait for each other: the emulator is not made for threads, as the real service is."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            with self._lock:
                return method(**arguments)

        return call if callable(method) else method


def on_dynamodb(local: Ports, client: Any) -> Ports:
    table = f"home-{next(tables)}"
    create_table(client, table)
    documents = DynamoDocuments(OneAtATime(client), table, local.clock)
    keys = local.settings.data / "keys"
    identity = LocalIdentity(documents, local.clock, keys, hasher=make.CHEAP_HASHER)
    return replace(local, documents=documents, identity=identity)


@pytest.fixture
def people(ports: Ports) -> People:
    return People(ports)
