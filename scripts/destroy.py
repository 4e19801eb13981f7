"""Removes the stack of a stage. Its table, buckets and keys stay, unless `delete-data` is said.

What stays is named, so that it can be looked at, and removed, later.
"""

import sys
from collections.abc import Iterator

from deploy import Stack, stack_name
from package import read_values

from chalicelib import aws
from chalicelib.settings import read_settings

KEPT_TYPES = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool")


def destroy(stage: str, *, data: bool) -> None:
    settings = read_settings()
    stack = Stack(settings, stack_name(stage))
    kept = list(_kept(stack))
    stack.delete()
    for kind, name in kept:
        if data:
            _remove(stack, kind, name)
        print(f"{'removed' if data else 'left   '} {kind} {name}")
    if data:
        _remove_keys(stack, f"/millrace/{read_values(stage)['Stage']}/keys")


def _kept(stack: Stack) -> Iterator[tuple[str, str]]:
    pages = stack.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    for page in pages:
        for each in page["StackResourceSummaries"]:
            if each["ResourceType"] in KEPT_TYPES and each["ResourceStatus"] != "DELETE_COMPLETE":
                yield each["ResourceType"], each["PhysicalResourceId"]


def _remove(stack: Stack, kind: str, name: str) -> None:
    if kind == "AWS::S3::Bucket":
        _empty(stack.s3, name)
        aws.call(stack.s3.delete_bucket, Bucket=name)
    elif kind == "AWS::DynamoDB::Table":
        client = aws.connect("dynamodb", stack.settings)
        aws.call(client.update_table, TableName=name, DeletionProtectionEnabled=False)
        aws.call(client.delete_table, TableName=name)
    else:
        aws.call(aws.connect("cognito-idp", stack.settings).delete_user_pool, UserPoolId=name)


def _empty(s3: aws.Client, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            aws.call(s3.delete_objects, Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _remove_keys(stack: Stack, path: str) -> None:
    ssm = aws.connect("ssm", stack.settings)
    for page in ssm.get_paginator("get_parameters_by_path").paginate(Path=path):
        for each in page["Parameters"]:
            aws.call(ssm.delete_parameter, Name=each["Name"])


if __name__ == "__main__":
    destroy(sys.argv[1], data="delete-data" in sys.argv[2:])
