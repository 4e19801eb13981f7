"""The doctor's checks of a home on AWS. They change nothing there."""

import importlib.util
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

from chalicelib.aws import Refused, call, connect
from chalicelib.clock import Clock
from chalicelib.documents.dynamodb.table import table_definition
from chalicelib.errors import Unavailable
from chalicelib.findings import Finding, Verdict
from chalicelib.queues.sqs import DEAD
from chalicelib.settings import Settings

CLOCK_SLACK = timedelta(minutes=2)
QUEUES = ("orders", "wake-ups", "notices")
TOKENS = "tokens.json"
DEPLOY = "`make deploy` creates it; an existing one is named in"
ACCESS = "Give it credentials and a region as AWS's own tools take them: a role, ~/.aws, or AWS_* variables."

AwsCheck = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings, clock: Clock) -> Iterator[Finding]:
    try:
        yield from access(settings, clock)
    except (Refused, Unavailable) as error:
        yield Finding(Verdict.MEND, f"AWS does not let Millrace in: {error}.", ACCESS)
        return
    for check in CHECKS:
        yield from _tried(check, settings)


def _tried(check: AwsCheck, settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except (Refused, Unavailable) as error:
        advice = "Let whoever runs the doctor look at it; Millrace itself may need less."
        yield Finding(Verdict.NOTE, f"AWS does not tell about its {check.__name__}: {error}.", advice)


def access(settings: Settings, clock: Clock) -> Iterator[Finding]:
    client = _client("sts", settings)
    told = call(client.get_caller_identity)
    yield Finding(Verdict.OK, f"AWS knows Millrace as {told['Arn']} in {client.meta.region_name}.")
    there: datetime = parsedate_to_datetime(told["ResponseMetadata"]["HTTPHeaders"]["date"])
    if abs(there - clock.now()) > CLOCK_SLACK:
        yield Finding(Verdict.MEND, f"The clock is not AWS's, where it is {there:%c}.", "Set the clock.")


def table(settings: Settings) -> Iterator[Finding]:
    client, name = _client("dynamodb", settings), settings.table
    try:
        found = call(client.describe_table, TableName=name)["Table"]
    except Refused as refused:
        if refused.code != "ResourceNotFoundException":
            raise
        yield Finding(Verdict.MEND, f"There is no table {name}.", f"{DEPLOY} MILLRACE_TABLE.")
        return
    if _keys(found) != _keys(table_definition()):
        yield Finding(Verdict.MEND, f"The table {name} has other keys or indexes.", "Name one that Millrace made.")
        return
    yield Finding(Verdict.OK, f"The table {name} is there.")
    expiry = call(client.describe_time_to_live, TableName=name)["TimeToLiveDescription"]
    if expiry["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        yield Finding(Verdict.NOTE, "Expired documents stay in the table.", "Enable its time to live, on `ttl`.")
    backups = call(client.describe_continuous_backups, TableName=name)["ContinuousBackupsDescription"]
    if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        yield Finding(Verdict.NOTE, "The table has no backups.", "Enable its point-in-time recovery.")


def bucket(settings: Settings) -> Iterator[Finding]:
    client, about = _client("s3", settings), {"Bucket": settings.bucket}
    try:
        call(client.head_bucket, **about)
    except Refused as refused:
        if refused.code == "404":
            yield Finding(Verdict.MEND, f"There is no bucket {settings.bucket}.", f"{DEPLOY} MILLRACE_BUCKET.")
        else:
            told = f"The bucket {settings.bucket} is out of reach: {refused}."
            yield Finding(Verdict.MEND, told, "It is somebody else's, or the role lacks s3:ListBucket.")
        return
    yield Finding(Verdict.OK, f"The bucket {settings.bucket} is there.")
    if not _is_private(client, about):
        yield Finding(Verdict.MEND, "The bucket does not block public access.", "Block all of it: nothing needs it.")
    if not _has(client.get_bucket_cors, about, "NoSuchCORSConfiguration"):
        advice = f"Allow PUT with the header content-type to {settings.address} in its CORS rules."
        yield Finding(Verdict.NOTE, "Pages cannot upload to the bucket.", advice)
    if not _has(client.get_bucket_lifecycle_configuration, about, "NoSuchLifecycleConfiguration"):
        advice = "Let what is under tmp/ expire after a day, and unfinished uploads too."
        yield Finding(Verdict.NOTE, "What is temporary stays in the bucket.", advice)


def queues(settings: Settings) -> Iterator[Finding]:
    client = _client("sqs", settings)
    missing = [name for name in QUEUES if not _is_queue(client, settings.queue_prefix + name)]
    dead = {name: _dead(client, settings.queue_prefix + name) for name in QUEUES if name not in missing}
    if missing:
        yield Finding(
            Verdict.NOTE, f"No queue yet: {', '.join(missing)}.", "They are made on first use, or by deploying."
        )
    for name, count in dead.items():
        if count:
            advice = "The logs say why; send them again from SQS's console once that is mended."
            yield Finding(Verdict.NOTE, f"{count} messages of the queue {name} were given up.", advice)
    if not missing and not any(dead.values()):
        yield Finding(Verdict.OK, "The queues are there, and no message was given up.")


def keys(settings: Settings) -> Iterator[Finding]:
    name = f"{settings.keys_path.rstrip('/')}/{TOKENS}"
    try:
        call(_client("ssm", settings).get_parameter, Name=name, WithDecryption=True)
    except Refused as refused:
        if refused.code != "ParameterNotFound":
            advice = f"The role needs to read and write {settings.keys_path}/*, and to use its KMS key."
            yield Finding(Verdict.MEND, f"The keys cannot be read: {refused}.", advice)
            return
        yield Finding(Verdict.OK, "The keys will be made at the first start.")
        return
    yield Finding(Verdict.OK, f"The keys are under {settings.keys_path} in the Parameter Store.")


def mail(settings: Settings) -> Iterator[Finding]:
    client, sender = _client("sesv2", settings), parseaddr(settings.mail_from)[1]
    domain = sender.rpartition("@")[2]
    if not any(_may_send(client, identity) for identity in (sender, domain)):
        advice = f"Verify {sender} or {domain} in SES, or name a sender in MILLRACE_MAIL_FROM that is."
        yield Finding(Verdict.MEND, f"SES does not send mails of {sender}.", advice)
        return
    yield Finding(Verdict.OK, f"SES sends mails of {sender}.")
    if not call(client.get_account).get("ProductionAccessEnabled"):
        advice = "Ask AWS to move the account out of SES's sandbox."
        yield Finding(Verdict.NOTE, "SES sends to verified addresses only.", advice)


def users(settings: Settings) -> Iterator[Finding]:
    if not settings.user_pool:
        return
    pool_id, _, client_id = settings.user_pool.partition("/")
    if importlib.util.find_spec("cryptography") is None:
        yield Finding(Verdict.MEND, "Cognito's tokens cannot be read.", "pip install 'millrace[cognito]'")
        return
    about = {"UserPoolId": pool_id, "ClientId": client_id}
    try:
        found = call(_client("cognito-idp", settings).describe_user_pool_client, **about)["UserPoolClient"]
    except Refused as refused:
        if refused.code != "ResourceNotFoundException":
            raise
        advice = "MILLRACE_USER_POOL is pool-id/client-id; `make deploy` creates both."
        yield Finding(Verdict.MEND, f"There is no user pool {settings.user_pool}.", advice)
        return
    missing = {"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"} - set(found.get("ExplicitAuthFlows", ()))
    if missing:
        advice = f"Allow its client {' and '.join(sorted(missing))}."
        yield Finding(Verdict.MEND, "Nobody can sign in through the user pool.", advice)
        return
    yield Finding(Verdict.OK, f"People sign in through the user pool {pool_id}.")


CHECKS: tuple[AwsCheck, ...] = (table, bucket, queues, keys, mail, users)


def _client(service: str, settings: Settings) -> Any:
    return call(connect, service, settings)


def _keys(described: Any) -> tuple[list[tuple[str, str]], dict[str, list[tuple[str, str]]]]:
    """The key schemas of a table and of its indexes, in words that can be compared."""
    indexes = described.get("GlobalSecondaryIndexes", [])
    return _schema(described), {each["IndexName"]: _schema(each) for each in indexes}


def _schema(described: Any) -> list[tuple[str, str]]:
    return [(each["AttributeName"], each["KeyType"]) for each in described["KeySchema"]]


def _is_private(client: Any, about: dict[str, str]) -> bool:
    try:
        found = call(client.get_public_access_block, **about)["PublicAccessBlockConfiguration"]
    except Refused as refused:
        if refused.code != "NoSuchPublicAccessBlockConfiguration":
            raise
        return False
    return all(found.values())


def _has(ask: Any, about: dict[str, str], code: str) -> bool:
    """Whether the bucket has a configuration, which `code` says it has not."""
    try:
        call(ask, **about)
    except Refused as refused:
        if refused.code != code:
            raise
        return False
    return True


def _is_queue(client: Any, name: str) -> bool:
    try:
        call(client.get_queue_url, QueueName=name)
    except Refused as refused:
        if not refused.code.endswith(("NonExistentQueue", "QueueDoesNotExist")):
            raise
        return False
    return True


def _dead(client: Any, name: str) -> int:
    """How many messages were given up; 0 too where no queue takes them."""
    if not _is_queue(client, name + DEAD):
        return 0
    url = call(client.get_queue_url, QueueName=name + DEAD)["QueueUrl"]
    wanted = "ApproximateNumberOfMessages"
    return int(call(client.get_queue_attributes, QueueUrl=url, AttributeNames=[wanted])["Attributes"][wanted])


def _may_send(client: Any, identity: str) -> bool:
    try:
        return bool(call(client.get_email_identity, EmailIdentity=identity)["VerifiedForSendingStatus"])
    except Refused as refused:
        if refused.code != "NotFoundException":
            raise
        return False
