"""Target `ecs`: one Fargate task for each attempt."""

from collections.abc import Iterable
from typing import Any

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Unavailable
from chalicelib.jobs.executors import ALIVE, DispatchFailed, Life, Parcel
from chalicelib.jobs.executors.launching import refusal, script

BY_ITSELF = "EssentialContainerExited"
NOT_BEGUN = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})


class EcsProvider:
    """`task` is cluster/task-definition/container; `network` its subnets and security groups."""

    def __init__(self, client: Client, task: str, network: Iterable[str]) -> None:
        self._client = client
        self._cluster, self._definition, self._container = task.split("/")
        self._network = sorted(network)

    def start(self, parcel: Parcel) -> str:
        command = ["sh", "-c", script(parcel.link)]
        try:
            answer = call(
                self._client.run_task,
                cluster=self._cluster,
                taskDefinition=self._definition,
                launchType="FARGATE",
                clientToken=parcel.name,
                startedBy=parcel.name[:36],
                networkConfiguration={"awsvpcConfiguration": self._awsvpc()},
                overrides={"containerOverrides": [{"name": self._container, "command": command}]},
            )
        except (Refused, Unavailable) as error:
            raise refusal("ECS", error) from error
        if answer.get("failures"):
            raise DispatchFailed(f"ECS: {answer['failures'][0].get('reason', 'the task was not placed')}")
        return str(answer["tasks"][0]["taskArn"])

    def stop(self, handle: str) -> bool:
        """True for a task that had not begun. One that runs is asked first, and its worker says how it ended."""
        task = self._find(handle)
        if task is None:
            return True
        try:
            call(self._client.stop_task, cluster=self._cluster, task=handle, reason="stopped by Millrace")
        except Refused:
            return False
        return task["lastStatus"] in NOT_BEGUN

    def poll(self, handle: str) -> Life:
        task = self._find(handle)
        if task is None:
            return Life(gone=True, reason="ECS does not know the task")
        if task["lastStatus"] != "STOPPED":
            return ALIVE
        codes = [each.get("exitCode") for each in task.get("containers", ())]
        if task.get("stopCode") == BY_ITSELF and codes and all(code == 0 for code in codes):
            return ALIVE
        return Life(gone=True, reason=f"ECS: {_why(task)}")

    def _find(self, handle: str) -> dict[str, Any] | None:
        found = call(self._client.describe_tasks, cluster=self._cluster, tasks=[handle])["tasks"]
        return dict(found[0]) if found else None

    def _awsvpc(self) -> dict[str, Any]:
        groups = [each for each in self._network if each.startswith("sg-")]
        subnets = [each for each in self._network if not each.startswith("sg-")]
        return {"subnets": subnets, "assignPublicIp": "ENABLED", **({"securityGroups": groups} if groups else {})}


def _why(task: dict[str, Any]) -> str:
    told = [f"{each['name']}: {each['reason']}" for each in task.get("containers", ()) if each.get("reason")]
    codes = [f"exit code {each['exitCode']}" for each in task.get("containers", ()) if each.get("exitCode")]
    return "; ".join([task.get("stoppedReason") or "the task stopped", *told, *codes])
