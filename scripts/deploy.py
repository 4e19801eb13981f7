"""Brings build/aws/<stage>/ to AWS, or to the emulator of MILLRACE_AWS_ENDPOINT, and prints the address.

Everything is one CloudFormation stack, millrace-<stage>; what changes is said before it is done.
"""

import hashlib
import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from package import Template, folder_of, read_values

from chalicelib import aws
from chalicelib.settings import Settings, read_settings

NOTHING_CHANGED = ("didn't contain changes", "No updates are to be performed")
EMULATORS_LACK = frozenset({"AWS::SSM::Document", "AWS::S3::BucketPolicy"})
"""Types that an emulator cannot make, or cannot live with: ours of buckets ask for TLS. The stack refers to none."""
KEPT_DAYS = 30
"""Of packages; Lambda has its own copy of those it runs."""

Outputs = Mapping[str, str]


class Stack:
    """`name` in the account and region that AWS's own tools would use."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.name = name
        self.settings = settings
        self.cloudformation = aws.connect("cloudformation", settings)
        self.s3 = aws.connect("s3", settings)
        self._waiting = {"Delay": 1 if settings.aws_endpoint else 5, "MaxAttempts": 720}

    def describe(self) -> Mapping[str, Any] | None:
        """None when there is no such stack, or only the review of one that was never made."""
        try:
            found = aws.call(self.cloudformation.describe_stacks, StackName=self.name)["Stacks"][0]
        except aws.Refused:
            return None
        return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found

    def outputs(self) -> Outputs:
        found = self.describe()
        assert found is not None  # noqa: S101 - asked for after it was made
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}

    def change(self, template_url: str, values: Mapping[str, str]) -> None:
        """Make or update it. Raises SystemExit with the reasons when CloudFormation gives up."""
        found = self.describe()
        if found and found["StackStatus"] == "ROLLBACK_COMPLETE":
            # The first try failed; CloudFormation lets such a stack only be deleted.
            self.delete()
            found = None
        kind = "UPDATE" if found else "CREATE"
        change = aws.call(
            self.cloudformation.create_change_set,
            StackName=self.name,
            ChangeSetName=f"deploy-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )["Id"]
        if not self._is_wanted(change):
            aws.call(self.cloudformation.delete_change_set, ChangeSetName=change)
            print("Nothing changes.")
            return
        aws.call(self.cloudformation.execute_change_set, ChangeSetName=change)
        self._await(f"stack_{kind.lower()}_complete")

    def _is_wanted(self, change: str) -> bool:
        """False when the change set would change nothing. Prints what it would do."""
        waiter = self.cloudformation.get_waiter("change_set_create_complete")
        try:
            aws.call(waiter.wait, ChangeSetName=change, WaiterConfig=self._waiting)
        except aws.Refused:
            why = aws.call(self.cloudformation.describe_change_set, ChangeSetName=change).get("StatusReason", "")
            if any(each in why for each in NOTHING_CHANGED):
                return False
            raise SystemExit(f"CloudFormation refuses the template: {why}") from None
        pages = self.cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change)
        changes = [each["ResourceChange"] for page in pages for each in page["Changes"]]
        for each in changes:
            again = " (made anew)" if each.get("Replacement") == "True" else ""
            print(f"  {each['Action'].lower():7} {each['LogicalResourceId']}{again}")
        return True

    def delete(self) -> None:
        aws.call(self.cloudformation.delete_stack, StackName=self.name)
        self._await("stack_delete_complete")

    def _await(self, end: str) -> None:
        try:
            aws.call(self.cloudformation.get_waiter(end).wait, StackName=self.name, WaiterConfig=self._waiting)
        except aws.Refused as refused:
            raise SystemExit(f"{self.name}: {refused}\n{self._reasons()}") from None

    def _reasons(self) -> str:
        events = aws.call(self.cloudformation.describe_stack_events, StackName=self.name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return "\n".join(f"  {each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}" for each in failed)


def deploy(stage: str, folder: Path) -> str:
    """The address of the stage. `folder` is what `make package` left."""
    settings = read_settings()
    stack = Stack(settings, stack_name(stage))
    values = read_values(stage)
    template_url = _upload(stack, folder)
    known = _address_of(stack, stage) if stack.describe() else ""
    stack.change(template_url, _with_address(values, known))
    address = values.get("BaseUrl") or _address_of(stack, stage)
    if not known and not values.get("BaseUrl"):
        print("Now that the API has its address, the functions are told:")
        stack.change(template_url, _with_address(values, address))
    return address


def stack_name(stage: str) -> str:
    return f"millrace-{stage}"


def code_bucket(stack: Stack) -> str:
    """The bucket of the packages: one for all stages of an account and region."""
    account = aws.call(aws.connect("sts", stack.settings).get_caller_identity)["Account"]
    return f"millrace-packages-{account}-{stack.s3.meta.region_name}"


def _address_of(stack: Stack, stage: str) -> str:
    outputs = stack.outputs()
    if stack.settings.aws_endpoint:
        # Emulators cannot answer under the address that AWS would give.
        return f"{stack.settings.aws_endpoint}/_aws/execute-api/{outputs['RestAPIId']}/{stage}"
    return outputs["EndpointURL"].rstrip("/")


def _with_address(values: Mapping[str, str], address: str) -> dict[str, str]:
    base_url = values.get("BaseUrl") or address
    parts = urlsplit(base_url)
    origin = f"{parts.scheme}://{parts.netloc}" if base_url else ""
    return {**values, "BaseUrl": base_url, "Origin": values.get("Origin", origin)}


def _upload(stack: Stack, folder: Path) -> str:
    """The URL of the template, whose functions have the uploaded zip as their code."""
    bucket = code_bucket(stack)
    _make_bucket(stack.s3, bucket)
    archive = (folder / "deployment.zip").read_bytes()
    code = f"{hashlib.sha256(archive).hexdigest()}.zip"
    aws.call(stack.s3.put_object, Bucket=bucket, Key=code, Body=archive)
    text = json.dumps(
        _with_code(stack, json.loads((folder / "sam.json").read_text()), f"s3://{bucket}/{code}")
    ).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    aws.call(stack.s3.put_object, Bucket=bucket, Key=name, Body=text)
    if stack.settings.aws_endpoint:
        return f"{stack.settings.aws_endpoint}/{bucket}/{name}"
    return f"https://{bucket}.s3.{stack.s3.meta.region_name}.amazonaws.com/{name}"


def _with_code(stack: Stack, template: Template, code: str) -> Template:
    resources = template["Resources"]
    if stack.settings.aws_endpoint:
        resources = {name: each for name, each in resources.items() if each["Type"] not in EMULATORS_LACK}
    for each in resources.values():
        if each["Type"] == "AWS::Serverless::Function":
            each["Properties"]["CodeUri"] = code
    return {**template, "Resources": resources}


def _make_bucket(s3: aws.Client, bucket: str) -> None:
    region = s3.meta.region_name
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        aws.call(s3.create_bucket, Bucket=bucket, **place)
    except aws.Refused as refused:
        if refused.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
        return
    closed = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    aws.call(s3.put_public_access_block, Bucket=bucket, PublicAccessBlockConfiguration=closed)
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": KEPT_DAYS}}
    aws.call(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})


def main(stage: str, folder: str = "") -> None:
    print(deploy(stage, Path(folder) if folder else folder_of(stage)))


if __name__ == "__main__":
    main(*sys.argv[1:])
