"""The adapters of AWS against an emulated one in a process of its own, which several threads reach at once."""

from functools import cache
from itertools import count

import pytest

from chalicelib.aws import connect
from chalicelib.documents.dynamodb import DynamoDocuments
from chalicelib.documents.dynamodb.table import create_table
from chalicelib.keys.parameters import ParameterKeys
from chalicelib.objects.s3 import S3Objects
from chalicelib.presence.heartbeats import HeartbeatPresence
from chalicelib.presence.locks import LockPresence
from chalicelib.queues.sqs import SqsQueues
from chalicelib.rates.documents import DocumentRates
from chalicelib.settings import read_settings
from tests.contracts.documents import (
    DocumentConditionsContract,
    DocumentExpiryContract,
    DocumentIndexesContract,
    DocumentQueriesContract,
    DocumentsContract,
)
from tests.contracts.keys import KeysContract
from tests.contracts.objects import ObjectKeysContract, ObjectListsContract, ObjectsContract
from tests.contracts.presence import PresenceContract
from tests.contracts.queues import DeadLettersContract, QueuesContract
from tests.contracts.rates import RatesContract
from tests.ministack import REGION
from tests.product import emulated_aws

pytestmark = pytest.mark.integration

numbers = count(1)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Makes clients as the product has them, one for each service."""
    with pytest.MonkeyPatch.context() as patch, emulated_aws(tmp_path_factory.mktemp("aws")) as aws:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        settings = read_settings()
        yield cache(lambda service: connect(service, settings))


@pytest.fixture
def home():
    return f"home-{next(numbers)}"


@pytest.fixture
def documents(client, home, clock):
    create_table(client("dynamodb"), home)
    return DynamoDocuments(client("dynamodb"), home, clock)


@pytest.fixture
def objects(client, home, clock):
    client("s3").create_bucket(Bucket=home, CreateBucketConfiguration={"LocationConstraint": REGION})
    return S3Objects(client("s3"), home, clock)


@pytest.fixture
def queues(client, home):
    return SqsQueues(client("sqs"), f"{home}-")


@pytest.fixture
def keys(client, home):
    return ParameterKeys(client("ssm"), f"/{home}/keys")


@pytest.fixture
def rates(documents, clock):
    return DocumentRates(documents, clock)


@pytest.fixture
def presence(documents, clock, tmp_path):
    return HeartbeatPresence(documents, clock, LockPresence(tmp_path))


class TestDocuments(DocumentsContract):
    pass


class TestConditions(DocumentConditionsContract):
    pass


class TestQueries(DocumentQueriesContract):
    pass


class TestIndexes(DocumentIndexesContract):
    pass


class TestExpiry(DocumentExpiryContract):
    pass


class TestObjects(ObjectsContract):
    pass


class TestObjectKeys(ObjectKeysContract):
    pass


class TestObjectLists(ObjectListsContract):
    pass


class TestQueues(QueuesContract):
    pass


class TestDeadLetters(DeadLettersContract):
    pass


class TestKeys(KeysContract):
    pass


class TestRates(RatesContract):
    pass


class TestPresence(PresenceContract):
    pass
