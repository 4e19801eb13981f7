"""Providers on the emulated AWS: started, asked, stopped, and refused."""

import base64
import json
import subprocess
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chalicelib.aws import connect
from chalicelib.jobs.executors import ALIVE, DispatchFailed, Life, Parcel, codebuild
from chalicelib.jobs.executors.codebuild import CodeBuildProvider
from chalicelib.jobs.executors.ecs import EcsProvider
from chalicelib.jobs.executors.lambda_ import LambdaProvider
from chalicelib.jobs.executors.launching import script
from chalicelib.jobs.executors.ssm import SsmProvider, life, targets
from chalicelib.jobs.executors.stepfunctions import StepFunctionsWatchdogs
from chalicelib.settings import read_settings
from tests.integration.conftest import make_function, make_machine, make_role

pytestmark = pytest.mark.integration
Aws = Callable[[str], Any]
LINK = "https://s3.example/order?X-Amz-Signature='abc\"$(id)`id`"
names = count(1)


def parcel(**changes: Any) -> Parcel:
    return Parcel(**{"name": f"01JOB-0001-{next(names):04d}", "link": LINK, "timeout": 60, **changes})


@pytest.fixture
def build(aws: Aws) -> CodeBuildProvider:
    name = f"orders-{next(names)}"
    aws("codebuild").create_project(
        name=name,
        source={"type": "NO_SOURCE", "location": "none", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=make_role(aws, name),
    )
    return CodeBuildProvider(aws("codebuild"), name)


@pytest.fixture
def task(aws: Aws) -> EcsProvider:
    name = f"orders-{next(names)}"
    network = aws("ec2")
    vpc = network.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    network.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnet = network.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = network.create_security_group(GroupName=name, Description="orders", VpcId=vpc)["GroupId"]
    aws("ecs").create_cluster(clusterName=name)
    aws("ecs").register_task_definition(
        family=name,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "worker", "image": "python:3.11-slim", "memory": 512, "essential": True}],
    )
    return EcsProvider(aws("ecs"), f"{name}/{name}/worker", [subnet, group])


@pytest.fixture
def document(aws: Aws) -> str:
    name = f"orders-{next(names)}"
    step = {
        "action": "aws:runShellScript",
        "name": "run",
        "inputs": {"runCommand": ["echo {{ launch }} | base64 -d | sh"]},
    }
    parameters = {"launch": {"type": "String"}, "executionTimeout": {"type": "String"}}
    content = {"schemaVersion": "2.2", "description": "Runs an order", "parameters": parameters, "mainSteps": [step]}
    aws("ssm").create_document(Name=name, Content=json.dumps(content), DocumentType="Command")
    return name


def test_lambda_is_invoked_and_not_waited_for(aws: Aws) -> None:
    assert LambdaProvider(aws("lambda"), make_function(aws)).start(parcel())


def test_an_aws_out_of_reach_is_a_failed_dispatch(aws: Aws) -> None:
    nowhere = connect("lambda", read_settings({"MILLRACE_AWS_ENDPOINT": "http://127.0.0.1:9"}), attempts=1)
    with pytest.raises(DispatchFailed, match="Lambda: AWS is out of reach"):
        LambdaProvider(nowhere, "work").start(parcel())


def test_an_invocation_tells_nothing_of_itself(aws: Aws) -> None:
    provider = LambdaProvider(aws("lambda"), "any")
    assert provider.poll("handle") == ALIVE
    assert provider.stop("handle") is False


def test_a_build_runs_the_worker_and_has_time_for_it(aws: Aws, build: CodeBuildProvider) -> None:
    handle = build.start(parcel(timeout=3600))
    found = aws("codebuild").batch_get_builds(ids=[handle])["builds"][0]
    assert found["timeoutInMinutes"] in (70, 45)  # the emulator knows one time for all
    assert build.poll(handle) == ALIVE


def test_a_build_is_stopped(build: CodeBuildProvider) -> None:
    assert build.stop(build.start(parcel())) is True


def test_a_build_that_failed_is_gone_for_the_reason_of_its_phase() -> None:
    ended = [
        {"phaseType": "PROVISIONING", "phaseStatus": "SUCCEEDED", "contexts": [{"message": "fine"}]},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [{"message": "exit status 1"}]},
    ]
    assert codebuild.life({"buildStatus": "FAILED", "phases": ended}) == Life(
        gone=True, reason="CodeBuild: FAILED: exit status 1"
    )
    assert codebuild.life({"buildStatus": "FAULT"}) == Life(gone=True, reason="CodeBuild: FAULT")
    assert codebuild.life({"buildStatus": "SUCCEEDED"}) == codebuild.life({"buildStatus": "IN_PROGRESS"}) == ALIVE


def test_a_build_that_nobody_knows_is_gone(build: CodeBuildProvider) -> None:
    handle = build.start(parcel())
    assert build.poll(f"{handle.split(':')[0]}:00000000-0000-0000-0000-000000000000").gone


def test_a_project_that_is_not_there_is_a_failed_dispatch(aws: Aws) -> None:
    with pytest.raises(DispatchFailed, match="CodeBuild: ResourceNotFound"):
        CodeBuildProvider(aws("codebuild"), "nobody").start(parcel())


def test_a_command_carries_its_script_as_base64(aws: Aws, document: str) -> None:
    provider = SsmProvider(aws("ssm"), document)
    handle = provider.start(parcel(settings={"ssm_targets": ["i-0123456789abcdef0"]}))
    sent = aws("ssm").list_commands(CommandId=handle)["Commands"][0]
    assert base64.b64decode(sent["Parameters"]["launch"][0]).decode() == script(LINK)
    assert sent["InstanceIds"] == ["i-0123456789abcdef0"]


def test_a_document_of_aws_runs_the_same_script(aws: Aws, document: str) -> None:
    settings = {"ssm_targets": {"tag:Role": ["build"]}, "ssm_document_name": "AWS-RunShellScript"}
    handle = SsmProvider(aws("ssm"), document).start(parcel(settings=settings))
    sent = aws("ssm").list_commands(CommandId=handle)["Commands"][0]
    command = sent["Parameters"]["commands"][0]
    shown = subprocess.run(["sh", "-c", command.replace("| sh", "| cat")], capture_output=True, text=True, check=True)
    assert shown.stdout == script(LINK)
    assert sent["Targets"] == [{"Key": "tag:Role", "Values": ["build"]}]


def test_a_command_is_gone_with_the_last_words_of_its_machine() -> None:
    printed = [{"Output": "collecting\nMillrace needs Python 3.11 or newer here\n"}]
    failed = {"Status": "Failed", "StatusDetails": "Failed", "CommandPlugins": printed}
    reason = "Systems Manager: Failed: Millrace needs Python 3.11 or newer here"
    assert life([failed]) == Life(gone=True, reason=reason)
    assert life([{"Status": "TimedOut"}]) == Life(gone=True, reason="Systems Manager: TimedOut")


def test_a_command_is_alive_while_one_machine_may_run_it() -> None:
    assert life([{"Status": "Success"}, {"Status": "Failed"}]) == ALIVE
    assert life([{"Status": "Failed"}, {"Status": "InProgress"}]) == ALIVE


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        (["i-1", "i-2"], {"InstanceIds": ["i-1", "i-2"]}),
        ({"instance_ids": ["i-1"]}, {"InstanceIds": ["i-1"]}),
        ({"tag:Name": "web"}, {"Targets": [{"Key": "tag:Name", "Values": ["web"]}]}),
        ([{"Key": "tag:Name", "Values": ["a", "b"]}], {"Targets": [{"Key": "tag:Name", "Values": ["a", "b"]}]}),
        ({"Key": "tag:Name", "Values": ["a"]}, {"Targets": [{"Key": "tag:Name", "Values": ["a"]}]}),
    ],
)
def test_machines_are_named_in_several_ways(named: object, taken: dict[str, Any]) -> None:
    assert targets(named) == taken


@pytest.mark.parametrize("named", [None, [], {}, "i-1", [1], [{"Name": "x"}]])
def test_what_names_no_machine_is_a_failed_dispatch(named: object) -> None:
    with pytest.raises(DispatchFailed, match="ssm_targets must name"):
        targets(named)


def test_a_task_runs_the_worker_in_its_container(aws: Aws, task: EcsProvider) -> None:
    handle = task.start(parcel())
    cluster = handle.split("/")[1]
    found = aws("ecs").describe_tasks(cluster=cluster, tasks=[handle])["tasks"][0]
    override = found["overrides"]["containerOverrides"][0]
    assert override["name"] == "worker"
    assert override["command"] == ["sh", "-c", script(LINK)]


def test_what_a_task_is_told_fits_into_what_ecs_takes() -> None:
    """8,192 characters in all, of which a link with a session's token takes 2,000."""
    assert len(json.dumps(script("x" * 2500))) < 7000


def test_a_task_that_stopped_is_gone_with_its_reason(aws: Aws, task: EcsProvider) -> None:
    handle = task.start(parcel())
    aws("ecs").stop_task(cluster=handle.split("/")[1], task=handle, reason="spot capacity is gone")
    assert task.poll(handle) == Life(gone=True, reason="ECS: spot capacity is gone")


def test_a_task_is_stopped(task: EcsProvider) -> None:
    handle = task.start(parcel())
    task.stop(handle)
    assert task.poll(handle).gone


def test_a_definition_that_is_not_there_is_a_failed_dispatch(aws: Aws, task: EcsProvider) -> None:
    aws("ecs").create_cluster(clusterName="empty")
    with pytest.raises(DispatchFailed, match="ECS: "):
        EcsProvider(aws("ecs"), "empty/nobody/worker", ["subnet-1"]).start(parcel())


def test_a_watchdog_is_started_once_for_each_name(aws: Aws) -> None:
    machine = make_machine(aws, f"watchdog-{next(names)}")
    watchdogs = StepFunctionsWatchdogs(aws("stepfunctions"), machine)
    watchdogs.start("one", {"job_id": "a"})
    watchdogs.start("one", {"job_id": "a", "number": 2})
    assert len(aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]) == 1


def test_a_machine_that_is_not_there_is_a_failed_dispatch(aws: Aws) -> None:
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:nobody"
    with pytest.raises(DispatchFailed, match="the watchdog could not be started"):
        StepFunctionsWatchdogs(aws("stepfunctions"), machine).start("one", {})
