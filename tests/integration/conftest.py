import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session
from botocore.config import Config
from moto import mock_aws

from chalicelib.aws import connect
from chalicelib.documents.dynamodb import DynamoDocuments
from chalicelib.documents.dynamodb.table import create_table
from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.identity.local import LocalIdentity
from chalicelib.identity.signing import KEY as SIGNING_KEY
from chalicelib.jobs.executors.lambda_ import LambdaProvider
from chalicelib.jobs.executors.stepfunctions import StepFunctionsWatchdogs
from chalicelib.jobs.model import Target
from chalicelib.objects.s3 import S3Objects
from chalicelib.presence.heartbeats import HeartbeatPresence
from chalicelib.presence.locks import LockPresence
from chalicelib.queues.sqs import SqsQueues
from chalicelib.rates.documents import DocumentRates
from chalicelib.settings import Home, read_settings
from chalicelib.sources.aws import AwsSources
from chalicelib.vcs.github import GitHubComments
from chalicelib.wiring import Ports
from tests import make
from tests.clocks import ManualClock
from tests.far import FarHome, home_in_memory, zipped
from tests.hosts import Host, comment_host
from tests.ministack import ACCOUNT, SECRET, running
from tests.people import People
from tests.posting import PostedHome
from tests.receiver import Receiver

REGION = "eu-west-1"
homes = count(1)


@pytest.fixture(scope="session")
def aws() -> Iterator[Callable[[str], Any]]:
    """Makes clients of an emulated AWS. It is one for all tests: each makes its own table, bucket or queues."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"lambda": {"use_docker": False}}):
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield cache(lambda service: connect(service, read_settings({})))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["local", "aws"])
def ports(request: pytest.FixtureRequest, clock: ManualClock) -> Ports:
    """A home of its own for each test, once on SQLite and a folder and once on the emulated AWS."""
    local = make.ports(clock)
    return local if request.param == "local" else emulated(local, request.getfixturevalue("aws"))


class OneAtATime:
    """A client whose calls wait for each other: the emulator is not made for threads, as the real service is."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*positional: Any, **arguments: Any) -> Any:
            with self._lock:
                return method(*positional, **arguments)

        return call if callable(method) else method


def emulated(local: Ports, client: Callable[[str], Any]) -> Ports:
    name = f"millrace-home-{next(homes)}"
    create_table(client("dynamodb"), name)
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    documents = DynamoDocuments(OneAtATime(client("dynamodb")), name, local.clock)
    return replace(
        local,
        settings=replace(local.settings, table=name, bucket=name),
        documents=documents,
        objects=S3Objects(OneAtATime(client("s3")), name, local.clock),
        queues=SqsQueues(client("sqs"), f"{name}-"),
        rates=DocumentRates(documents, local.clock),
        presence=HeartbeatPresence(documents, local.clock, LockPresence(local.settings.data / "workers")),
        identity=LocalIdentity(documents, local.clock, local.keys, hasher=make.CHEAP_HASHER),
    )


FOUNDING_IDS = 1000
"""More than founding takes."""


@dataclass
class Founding:
    """What is there once People have signed up: on the emulator that takes a second, and a copy of it none."""

    tokens: dict[str, str] = field(default_factory=dict)
    keys: bytes = b""
    items: list[Any] = field(default_factory=list)

    def record(self, people: People, client: Any) -> None:
        self.tokens = people.tokens
        self.keys = people.ports.keys.read_or_make(SIGNING_KEY, bytes)
        self.items = client.scan(TableName=people.ports.settings.table)["Items"]

    def copy(self, ports: Ports, clock: ManualClock, client: Any) -> People:
        ports.keys.replace(SIGNING_KEY, self.keys)
        clock.number_from(FOUNDING_IDS)
        for first in range(0, len(self.items), 25):
            puts = [{"PutRequest": {"Item": item}} for item in self.items[first : first + 25]]
            client.batch_write_item(RequestItems={ports.settings.table: puts})
        return People(ports, self.tokens)


@pytest.fixture(scope="session")
def founding() -> Founding:
    return Founding()


@pytest.fixture
def people(ports: Ports, clock: ManualClock, founding: Founding, request: pytest.FixtureRequest) -> People:
    if isinstance(ports.documents, SqliteDocuments):
        return People(ports)
    client = request.getfixturevalue("aws")("dynamodb")
    if founding.items:
        return founding.copy(ports, clock, client)
    people = People(ports)
    founding.record(people, client)
    return people


@pytest.fixture
def far(clock: ManualClock, aws: Callable[[str], Any], tmp_path: Path) -> FarHome:
    """A home on the emulated AWS whose orders go to a Lambda function, each with a watchdog of Step Functions."""
    ports = emulated(make.ports(clock), aws)
    function, machine = make_function(aws), make_machine(aws, ports.settings.table)
    return FarHome(
        replace(
            ports,
            settings=replace(ports.settings, home=Home.AWS, workers=0, work_function=function, watchdog=machine),
            providers={Target.LAMBDA: LambdaProvider(aws("lambda"), function)},
            watchdogs=StepFunctionsWatchdogs(aws("stepfunctions"), machine),
            sources=AwsSources(ssm=aws("ssm"), secrets=aws("secretsmanager"), s3=aws("s3")),
        ),
        tmp_path / "far",
    )


@pytest.fixture
def host() -> Iterator[Host]:
    with comment_host() as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def posted(far: FarHome, aws: Callable[[str], Any], host: Host, clock: ManualClock) -> PostedHome:
    """The same, to which GitHub delivers: with a bucket for the ends of jobs, and a host for their comments."""
    bucket = f"{far.ports.settings.bucket}-done"
    aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    ports = replace(
        far.ports,
        settings=replace(far.ports.settings, done_bucket=bucket),
        done=S3Objects(aws("s3"), bucket, clock),
        hosts={"github.com": GitHubComments(host.url)},
    )
    return PostedHome(ports, far.scratch)


@pytest.fixture(scope="session")
def signing_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of an emulated S3 that is reached by HTTP, as whoever has a link reaches it, and checks signatures."""
    with running(tmp_path_factory.mktemp("s3"), AUTH="true") as ministack:
        # In a session of its own: the one that all share has other credentials in other tests.
        session = Session(aws_access_key_id=ACCOUNT, aws_secret_access_key=SECRET, region_name=REGION)
        signing = Config(signature_version="s3v4", s3={"addressing_style": "path"})
        yield session.client("s3", endpoint_url=ministack.endpoint, config=signing)


@pytest.fixture
def linked(clock: ManualClock, signing_s3: Any, tmp_path: Path) -> FarHome:
    """A home in memory but for its objects, whose links lead to an emulated S3: the worker program can be run."""
    client = signing_s3
    bucket = f"links-{next(homes)}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    home = home_in_memory(tmp_path / "far", clock)
    home.change(objects=S3Objects(client, bucket, clock))
    return home


def make_function(client: Callable[[str], Any]) -> str:
    """A function that takes invocations and does nothing: tests leave the results."""
    name = f"work-{next(homes)}"
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=make_role(client, name),
        Handler="app.work",
        Code={"ZipFile": zipped({"app.py": b""})},
    )
    return name


def make_machine(client: Callable[[str], Any], name: str) -> str:
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}}
    role = make_role(client, f"{name}-watchdog")
    made = client("stepfunctions").create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)
    return str(made["stateMachineArn"])


def make_role(client: Callable[[str], Any], name: str) -> str:
    return str(client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"])
