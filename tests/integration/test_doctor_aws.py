"""What the doctor finds on AWS, where a test has left something out."""

from itertools import count

import pytest

from chalicelib import doctor_aws
from chalicelib.documents.dynamodb.table import create_table
from chalicelib.findings import Verdict
from chalicelib.objects.s3 import cross_origin_rules
from chalicelib.queues.sqs import create_queue
from chalicelib.settings import read_settings
from tests.clocks import ManualClock
from tests.integration.conftest import REGION

pytestmark = pytest.mark.integration

numbers = count(1)
PRIVATE = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@pytest.fixture
def settings(aws):
    name = f"millrace-doctor-{next(numbers)}"
    names = {"TABLE": name, "BUCKET": name, "QUEUE_PREFIX": f"{name}-", "KEYS_PATH": f"/{name}/keys"}
    given = {f"MILLRACE_{each}": value for each, value in names.items()}
    return read_settings({"MILLRACE_HOME": "aws", "MILLRACE_MAIL_FROM": f"Mill <mill@{name}.example>", **given})


@pytest.fixture
def whole(aws, settings):
    """A home in which nothing is missing."""
    create_table(aws("dynamodb"), settings.table)
    recovery = {"PointInTimeRecoveryEnabled": True}
    aws("dynamodb").update_continuous_backups(TableName=settings.table, PointInTimeRecoverySpecification=recovery)
    s3, about = aws("s3"), {"Bucket": settings.bucket}
    s3.create_bucket(**about, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_public_access_block(**about, PublicAccessBlockConfiguration=PRIVATE)
    s3.put_bucket_cors(**about, CORSConfiguration=cross_origin_rules("https://mill.example"))
    rule = {"ID": "tmp", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(**about, LifecycleConfiguration={"Rules": [rule]})
    for name in doctor_aws.QUEUES:
        create_queue(aws("sqs"), settings.queue_prefix, name)
    aws("sesv2").create_email_identity(EmailIdentity=f"{settings.table}.example")
    return settings


def findings(check, settings):
    return [(each.verdict, each.what) for each in check(settings)]


def verdicts(check, settings):
    return [verdict for verdict, _ in findings(check, settings)]


@pytest.mark.parametrize("check", [doctor_aws.table, doctor_aws.bucket, doctor_aws.queues, doctor_aws.keys])
def test_a_whole_home_is_in_order(whole, check):
    assert verdicts(check, whole) == [Verdict.OK]


def test_a_sender_that_is_not_verified_yet_must_be_mended(whole):
    # The emulator verifies nobody; tests/integration/test_product_on_aws.py has a sender that is.
    assert verdicts(doctor_aws.mail, whole) == [Verdict.MEND]


def test_aws_tells_who_asks_and_its_time(settings, aws):
    [known, *_] = doctor_aws.access(settings, ManualClock())
    assert (known.verdict, f"in {REGION}" in known.what) == (Verdict.OK, True)


@pytest.mark.parametrize("check", [doctor_aws.table, doctor_aws.bucket, doctor_aws.mail])
def test_what_is_missing_must_be_mended_and_comes_with_how(settings, check):
    [finding] = check(settings)
    assert (finding.verdict, bool(finding.advice)) == (Verdict.MEND, True)


def test_what_makes_itself_is_no_fault(settings):
    assert verdicts(doctor_aws.queues, settings) == [Verdict.NOTE]
    assert verdicts(doctor_aws.keys, settings) == [Verdict.OK]


def test_a_table_of_somebody_else_must_be_mended(settings, aws):
    keys = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
    keys["KeySchema"] = [{"AttributeName": "id", "KeyType": "HASH"}]
    aws("dynamodb").create_table(TableName=settings.table, BillingMode="PAY_PER_REQUEST", **keys)
    assert verdicts(doctor_aws.table, settings) == [Verdict.MEND]


def test_a_bucket_that_is_open_to_the_public_must_be_mended(whole, aws):
    aws("s3").delete_public_access_block(Bucket=whole.bucket)
    assert verdicts(doctor_aws.bucket, whole) == [Verdict.OK, Verdict.MEND]


def test_a_bucket_that_pages_cannot_upload_to_is_noted(whole, aws):
    aws("s3").delete_bucket_cors(Bucket=whole.bucket)
    assert verdicts(doctor_aws.bucket, whole) == [Verdict.OK, Verdict.NOTE]


def test_messages_that_were_given_up_are_noted(whole, aws):
    dead = aws("sqs").get_queue_url(QueueName=f"{whole.queue_prefix}orders_dead")["QueueUrl"]
    aws("sqs").send_message(QueueUrl=dead, MessageBody="{}")
    assert findings(doctor_aws.queues, whole) == [(Verdict.NOTE, "1 messages of the queue orders were given up.")]


def test_a_user_pool_that_is_not_there_must_be_mended(settings, aws):
    named = read_settings({"MILLRACE_USER_POOL": f"{REGION}_none/client"})
    assert verdicts(doctor_aws.users, named) == [Verdict.MEND]


def test_a_client_that_lets_nobody_sign_in_must_be_mended(aws):
    pool_id = aws("cognito-idp").create_user_pool(PoolName="doctor")["UserPool"]["Id"]
    made = aws("cognito-idp").create_user_pool_client(UserPoolId=pool_id, ClientName="web")["UserPoolClient"]
    named = read_settings({"MILLRACE_USER_POOL": f"{pool_id}/{made['ClientId']}"})
    assert verdicts(doctor_aws.users, named) == [Verdict.MEND]
