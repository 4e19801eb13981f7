"""Target `ssm`: a command of Systems Manager on the machines that the order names. The first that takes it runs it.

Documents are given one parameter, `launch`: a shell script as base64, in which there is nothing to quote.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Unavailable
from chalicelib.jobs.executors import ALIVE, DispatchFailed, Life, Parcel
from chalicelib.jobs.executors.launching import refusal, script

RUN_SHELL_SCRIPT = "AWS-RunShellScript"
DELIVERED_WITHIN = 300
SPARE = 300
"""Seconds that a worker may take beside its order."""
UNDER_WAY = frozenset({"Pending", "InProgress", "Delayed", "Success", "Cancelling"})


class SsmProvider:
    def __init__(self, client: Client, document: str) -> None:
        self._client = client
        self._document = document

    def start(self, parcel: Parcel) -> str:
        document = str(parcel.settings.get("ssm_document_name") or self._document)
        try:
            answer = call(
                self._client.send_command,
                DocumentName=document,
                Parameters=_parameters(document, parcel),
                TimeoutSeconds=DELIVERED_WITHIN,
                Comment=parcel.name,
                **targets(parcel.settings.get("ssm_targets")),
            )
        except (Refused, Unavailable) as error:
            raise refusal("Systems Manager", error) from error
        return str(answer["Command"]["CommandId"])

    def stop(self, handle: str) -> bool:
        """The worker says itself that it ended: an agent may never be heard of again."""
        try:
            call(self._client.cancel_command, CommandId=handle)
        except Refused:
            return False
        return False

    def poll(self, handle: str) -> Life:
        found = call(self._client.list_command_invocations, CommandId=handle, Details=True)["CommandInvocations"]
        if not found:
            return self._poll_command(handle)
        return life(found)

    def _poll_command(self, handle: str) -> Life:
        found = call(self._client.list_commands, CommandId=handle)["Commands"]
        if not found:
            return Life(gone=True, reason="Systems Manager does not know the command")
        if found[0]["Status"] in UNDER_WAY - {"Success"}:
            return ALIVE
        return Life(gone=True, reason=f"Systems Manager: no machine took it ({found[0]['Status']})")


def life(invocations: Sequence[dict[str, Any]]) -> Life:
    """Of a command on several machines: the first that takes it runs it, and the others end well."""
    if any(each["Status"] in UNDER_WAY for each in invocations):
        return ALIVE
    return Life(gone=True, reason=f"Systems Manager: {_why(invocations[0])}")


def targets(named: object) -> dict[str, Any]:
    """What send_command takes, of instance ids, of tags as {"tag:Name": values}, or of AWS's own {"Key", "Values"}."""
    if isinstance(named, Mapping):
        if "Key" in named:
            return {"Targets": [_target(named["Key"], named.get("Values"))]}
        if "instance_ids" in named:
            return targets(named["instance_ids"])
        named = [{"Key": key, "Values": values} for key, values in named.items()]
    if isinstance(named, list) and named and all(isinstance(each, str) for each in named):
        return {"InstanceIds": named}
    if isinstance(named, list) and named and all(isinstance(each, Mapping) and "Key" in each for each in named):
        return {"Targets": [_target(each["Key"], each.get("Values")) for each in named]}
    raise DispatchFailed("ssm_targets must name instances, or tags as {'tag:Name': ['value']}")


def _target(key: object, values: object) -> dict[str, Any]:
    return {"Key": str(key), "Values": [str(each) for each in (values if isinstance(values, list) else [values])]}


def _parameters(document: str, parcel: Parcel) -> dict[str, list[str]]:
    launch = b64encode(script(parcel.link).encode()).decode()
    limit = str(parcel.timeout + SPARE)
    if document == RUN_SHELL_SCRIPT:
        return {"commands": [f"echo {launch} | base64 -d | sh"], "executionTimeout": [limit]}
    return {"launch": [launch], "executionTimeout": [limit]}


def _why(invocation: dict[str, Any]) -> str:
    outputs = [plugin.get("Output", "") for plugin in invocation.get("CommandPlugins", ())]
    lines = "".join(outputs).strip().splitlines()
    detail = invocation.get("StatusDetails") or invocation["Status"]
    return f"{detail}: {lines[-1][:300]}" if lines else str(detail)
