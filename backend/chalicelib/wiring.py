"""The one composition root: Settings -> Ports. Nothing else imports an adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from chalicelib.clock import Clock, SystemClock
from chalicelib.documents import Documents
from chalicelib.generation.templates.rendering import Renderer
from chalicelib.identity import Identity
from chalicelib.jobs.executors import Executor, NoWatchdogs, Provider, Watchdogs
from chalicelib.jobs.model import Target
from chalicelib.keys import Keys
from chalicelib.llm import Llm, Prices
from chalicelib.mail import Mailer
from chalicelib.objects import Objects
from chalicelib.presence import Presence
from chalicelib.queues import Queues
from chalicelib.rates import Rates
from chalicelib.settings import BadSettings, Home, Settings
from chalicelib.sources import NoSources, Sources
from chalicelib.vault import Vault
from chalicelib.vcs import Hosts

TASK_SLASHES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """`executors` run orders near us, `providers` far away: see `offered` for what submitters may choose."""

    settings: Settings
    clock: Clock
    documents: Documents
    objects: Objects
    queues: Queues
    identity: Identity
    mail: Mailer
    rates: Rates
    presence: Presence
    keys: Keys
    vault: Vault
    llm: Llm
    prices: Prices
    renderer: Renderer
    executors: Mapping[Target, Executor]
    hosts: Hosts
    done: Objects | None = None
    """Where others look for the ends of jobs; None is among all other objects."""
    providers: Mapping[Target, Provider] = field(default_factory=dict)
    watchdogs: Watchdogs = field(default_factory=NoWatchdogs)
    sources: Sources = field(default_factory=NoSources)

    @property
    def offered(self) -> tuple[Target, ...]:
        """Targets of shell orders; the first is what one gets that names none.

        On AWS a process is for Millrace's own actions, unless there are machines with workers.
        """
        near = () if self.settings.home is Home.AWS and not self.settings.workers else tuple(self.executors)
        return (*self.providers, *near)


def connect(settings: Settings, clock: Clock | None = None) -> Ports:
    """The ports of a home. The local one makes its data folder on first use."""
    connect_home = _connect_aws if settings.home is Home.AWS else _connect_local
    return connect_home(settings, clock or SystemClock())


def _connect_local(settings: Settings, clock: Clock) -> Ports:
    # Imported here, so that a home loads its own adapters only.
    from chalicelib.documents.sqlite import SqliteDocuments  # noqa: PLC0415
    from chalicelib.identity.local import LocalIdentity  # noqa: PLC0415
    from chalicelib.jobs.executors.process import ProcessExecutor  # noqa: PLC0415
    from chalicelib.mail.outbox import Outbox  # noqa: PLC0415
    from chalicelib.objects.folder import FolderObjects  # noqa: PLC0415
    from chalicelib.presence.locks import LockPresence  # noqa: PLC0415
    from chalicelib.queues.sqlite import SqliteQueues  # noqa: PLC0415
    from chalicelib.rates.files import FileRates  # noqa: PLC0415
    from chalicelib.sqlite import Database  # noqa: PLC0415

    data = settings.data
    database = Database(data / "millrace.db")
    documents = SqliteDocuments(database, clock)
    queues = SqliteQueues(database, clock, data / "wake")
    presence = LockPresence(data / "workers")
    keys = connect_keys(settings)
    return Ports(
        settings=settings,
        clock=clock,
        documents=documents,
        objects=FolderObjects(data / "objects", keys.read_or_make("links.key", _random_key), clock),
        queues=queues,
        identity=LocalIdentity(documents, clock, keys),
        mail=Outbox(data / "outbox", clock, sender=settings.mail_from),
        hosts=connect_hosts(settings),
        rates=FileRates(data / "rates", clock),
        presence=presence,
        keys=keys,
        vault=Vault(keys),
        llm=connect_models(settings, clock),
        prices=connect_prices(settings),
        renderer=Renderer(),
        executors={Target.PROCESS: ProcessExecutor(queues, presence)},
    )


def _connect_aws(settings: Settings, clock: Clock) -> Ports:
    from chalicelib import aws  # noqa: PLC0415
    from chalicelib.documents.dynamodb import DynamoDocuments  # noqa: PLC0415
    from chalicelib.jobs.executors.process import ProcessExecutor  # noqa: PLC0415
    from chalicelib.mail.ses import SesMail  # noqa: PLC0415
    from chalicelib.objects.s3 import S3Objects  # noqa: PLC0415
    from chalicelib.presence.heartbeats import HeartbeatPresence  # noqa: PLC0415
    from chalicelib.presence.locks import LockPresence  # noqa: PLC0415
    from chalicelib.queues.sqs import SqsQueues  # noqa: PLC0415
    from chalicelib.rates.documents import DocumentRates  # noqa: PLC0415
    from chalicelib.sources.aws import AwsSources  # noqa: PLC0415

    documents = DynamoDocuments(aws.connect("dynamodb", settings), settings.table, clock)
    queues = SqsQueues(aws.connect("sqs", settings), settings.queue_prefix)
    presence = HeartbeatPresence(documents, clock, LockPresence(settings.data / "workers"))
    keys = connect_keys(settings)
    return Ports(
        settings=settings,
        clock=clock,
        documents=documents,
        objects=S3Objects(aws.connect("s3", settings), settings.bucket, clock),
        queues=queues,
        identity=_connect_identity(settings, documents, keys, clock),
        mail=SesMail(aws.connect("sesv2", settings), sender=settings.mail_from),
        hosts=connect_hosts(settings),
        done=S3Objects(aws.connect("s3", settings), settings.done_bucket, clock) if settings.done_bucket else None,
        rates=DocumentRates(documents, clock),
        presence=presence,
        keys=keys,
        vault=Vault(keys),
        llm=connect_models(settings, clock),
        prices=connect_prices(settings),
        renderer=Renderer(),
        executors={Target.PROCESS: ProcessExecutor(queues, presence, asks=False)},
        providers=_connect_providers(settings),
        watchdogs=_connect_watchdogs(settings),
        sources=AwsSources(
            ssm=aws.connect("ssm", settings),
            secrets=aws.connect("secretsmanager", settings),
            s3=aws.connect("s3", settings),
            own_path=settings.keys_path,
            own_buckets=(settings.bucket, settings.done_bucket),
        ),
    )


def _connect_providers(settings: Settings) -> dict[Target, Provider]:
    """The targets whose settings are given."""
    from chalicelib import aws  # noqa: PLC0415

    found: dict[Target, Provider] = {}
    if settings.work_function:
        from chalicelib.jobs.executors.lambda_ import LambdaProvider  # noqa: PLC0415

        found[Target.LAMBDA] = LambdaProvider(aws.connect("lambda", settings), settings.work_function)
    if settings.build_project:
        from chalicelib.jobs.executors.codebuild import CodeBuildProvider  # noqa: PLC0415

        found[Target.CODEBUILD] = CodeBuildProvider(aws.connect("codebuild", settings), settings.build_project)
    if settings.run_document:
        from chalicelib.jobs.executors.ssm import SsmProvider  # noqa: PLC0415

        found[Target.SSM] = SsmProvider(aws.connect("ssm", settings), settings.run_document)
    if settings.task:
        from chalicelib.jobs.executors.ecs import EcsProvider  # noqa: PLC0415

        if settings.task.count("/") != TASK_SLASHES:
            raise BadSettings("MILLRACE_TASK: must be cluster/task-definition/container")
        found[Target.ECS] = EcsProvider(aws.connect("ecs", settings), settings.task, settings.task_network)
    return found


def _connect_watchdogs(settings: Settings) -> Watchdogs:
    if not settings.watchdog:
        return NoWatchdogs()
    from chalicelib import aws  # noqa: PLC0415
    from chalicelib.jobs.executors.stepfunctions import StepFunctionsWatchdogs  # noqa: PLC0415

    return StepFunctionsWatchdogs(aws.connect("stepfunctions", settings), settings.watchdog)


def _connect_identity(settings: Settings, documents: Documents, keys: Keys, clock: Clock) -> Identity:
    if not settings.user_pool:
        from chalicelib.identity.local import LocalIdentity  # noqa: PLC0415

        return LocalIdentity(documents, clock, keys)
    from chalicelib import aws  # noqa: PLC0415
    from chalicelib.identity.cognito import CognitoIdentity, fetch_keys  # noqa: PLC0415

    pool_id, _, client_id = settings.user_pool.partition("/")
    fetch = fetch_keys(pool_id, endpoint=settings.aws_endpoint)
    client = aws.connect("cognito-idp", settings)
    return CognitoIdentity(client, documents, clock, pool_id=pool_id, client_id=client_id, keys=fetch)


def connect_keys(settings: Settings) -> Keys:
    if settings.home is Home.LOCAL:
        from chalicelib.keys.folder import FolderKeys  # noqa: PLC0415

        return FolderKeys(keys_folder(settings))
    from chalicelib import aws  # noqa: PLC0415
    from chalicelib.keys.parameters import ParameterKeys  # noqa: PLC0415

    return ParameterKeys(aws.connect("ssm", settings), settings.keys_path)


def connect_models(settings: Settings, clock: Clock) -> Llm:
    """The offline model always, the others as the settings have it."""
    from chalicelib.llm.offline import OfflineModel, read_behaviour  # noqa: PLC0415
    from chalicelib.llm.routing import Models  # noqa: PLC0415

    try:
        providers: dict[str, Llm] = {"offline": OfflineModel(read_behaviour(settings.llm_offline))}
    except ValueError as error:
        raise BadSettings(f"MILLRACE_LLM_OFFLINE: {error}") from None
    if settings.llm_url:
        # A quarter of a second that homes without such a server need not pay.
        from chalicelib.llm.openai import OpenAiModels  # noqa: PLC0415

        providers["openai"] = OpenAiModels(settings.llm_url, settings.llm_key, clock, timeout=settings.llm_timeout)
    if settings.bedrock:
        from chalicelib import aws  # noqa: PLC0415
        from chalicelib.llm.bedrock import BedrockModels  # noqa: PLC0415

        client = aws.connect("bedrock-runtime", settings, read_timeout=settings.llm_timeout, attempts=1)
        providers["bedrock"] = BedrockModels(client)
    return Models(providers)


def connect_prices(settings: Settings) -> Prices:
    from chalicelib.llm.prices import SHIPPED, read_prices  # noqa: PLC0415

    try:
        return read_prices(Path(settings.prices) if settings.prices else SHIPPED)
    except ValueError as error:
        raise BadSettings(f"MILLRACE_PRICES: {error}") from None


def connect_hosts(settings: Settings) -> Hosts:
    """By the names that repositories know them under."""
    from chalicelib.vcs.github import GitHubComments  # noqa: PLC0415
    from chalicelib.vcs.gitlab import GitLabComments  # noqa: PLC0415

    return {
        _host(settings.github_api).removeprefix("api."): GitHubComments(settings.github_api),
        _host(settings.gitlab_api): GitLabComments(settings.gitlab_api),
    }


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""


def rotate_signing_key(settings: Settings) -> str:
    """The id of the key that signs from now on."""
    from chalicelib.identity.signing import rotate  # noqa: PLC0415 - as above

    return rotate(connect_keys(settings))


def keys_folder(settings: Settings) -> Path:
    return settings.data / "keys"


def _random_key() -> bytes:
    import secrets  # noqa: PLC0415

    return secrets.token_bytes(32)
