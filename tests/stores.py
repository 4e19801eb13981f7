"""What a home on an emulated AWS keeps there: made by our own code, and looked into by a test."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.request import urlopen

import boto3

from chalicelib.documents.dynamodb.table import create_table
from chalicelib.objects.s3 import cross_origin_rules
from tests.ministack import ACCOUNT, REGION, SECRET, Ministack

NAME, SENDER = "millrace", "millrace@localhost"
"""The table's and the bucket's, and who mails: as the settings have them by default."""


@contextmanager
def client(aws: Ministack, service: str) -> Iterator[Any]:
    made = boto3.client(
        service,
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=SECRET,
    )
    with closing(made):
        yield made


def make(aws: Ministack, name: str = NAME) -> None:
    """Table and bucket of this name, and the sender; queues and keys make themselves."""
    with client(aws, "dynamodb") as dynamodb:
        create_table(dynamodb, name)
    with client(aws, "s3") as s3:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    with client(aws, "sesv2") as ses, suppress(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity=SENDER)


def let_pages_upload(aws: Ministack, origin: str) -> None:
    with client(aws, "s3") as s3:
        s3.put_bucket_cors(Bucket=NAME, CORSConfiguration=cross_origin_rules(origin))


def letters(aws: Ministack, to: str) -> list[str]:
    """The texts of what was mailed to somebody, oldest first."""
    with urlopen(f"{aws.endpoint}/_ministack/ses/messages") as answer:
        sent = json.load(answer)["messages"]
    return [mail["BodyText"] for mails in sent.values() for mail in mails if to in mail["To"]]
