"""What a home on an emulated AWS keeps there: made by our own code, and looked into by a test."""

import json
from typing import Any
from urllib.request import urlopen

import boto3

from chalicelib.documents.dynamodb.table import create_table
from chalicelib.objects.s3 import cross_origin_rules
from tests.ministack import ACCOUNT, REGION, SECRET, Ministack

NAME, SENDER = "millrace", "millrace@localhost"
"""The table's and the bucket's, and who mails: as the settings have them by default."""


def client(aws: Ministack, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=SECRET,
    )


def make(aws: Ministack) -> None:
    """Table, bucket and sender; queues and keys make themselves."""
    create_table(client(aws, "dynamodb"), NAME)
    client(aws, "s3").create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
    client(aws, "sesv2").create_email_identity(EmailIdentity=SENDER)


def let_pages_upload(aws: Ministack, origin: str) -> None:
    client(aws, "s3").put_bucket_cors(Bucket=NAME, CORSConfiguration=cross_origin_rules(origin))


def letters(aws: Ministack, to: str) -> list[str]:
    """The texts of what was mailed to somebody, oldest first."""
    with urlopen(f"{aws.endpoint}/_ministack/ses/messages") as answer:
        sent = json.load(answer)["messages"]
    return [mail["BodyText"] for mails in sent.values() for mail in mails if to in mail["To"]]
