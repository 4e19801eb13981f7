"""The watchdog's state machine as it is deployed, over checks that fail, wait and end, on emulated Step Functions."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.package import INFRASTRUCTURE
from tests import ministack

pytestmark = pytest.mark.integration

ROLE = f"arn:aws:iam::{ministack.ACCOUNT}:role/any"
PATIENCE = 60
CHECK = """
import json, os

def check(event, context):
    with open(os.environ["ANSWERS"] + "/" + event["job_id"], "r+") as file:
        answers = json.load(file)
        answer = answers.pop(0)
        file.seek(0), file.truncate(), json.dump(answers, file)
    if answer == "fail":
        raise RuntimeError("not now")
    return answer
"""
WAITING, DONE = {"state": "waiting", "wait": 10}, {"state": "done", "wait": 0}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[str]]]:
    """Runs it over checks that answer one after the other; the states that it went through."""
    folder = tmp_path_factory.mktemp("ministack")
    answers = tmp_path_factory.mktemp("answers")
    with ministack.running(folder) as aws:
        machine = _create(aws, answers)

        def run(name: str, *told: Any) -> list[str]:
            (answers / name).write_text(json.dumps(told))
            return _run(aws.client("stepfunctions"), machine, name)

        yield run


def _create(aws: ministack.Ministack, answers: Path) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("check.py", CHECK)
    function = aws.client("lambda").create_function(
        FunctionName="check",
        Runtime="python3.11",
        Role=ROLE,
        Handler="check.check",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"ANSWERS": str(answers)}},
    )
    definition = (INFRASTRUCTURE / "watchdog.asl.json").read_text()
    wanted = definition.replace("${WatchdogCheckArn}", function["FunctionArn"])
    made = aws.client("stepfunctions").create_state_machine(name="watchdog", definition=wanted, roleArn=ROLE)
    return str(made["stateMachineArn"])


def _run(client: Any, machine: str, name: str) -> list[str]:
    begun = client.start_execution(stateMachineArn=machine, name=name, input=json.dumps({"job_id": name}))
    until = time.monotonic() + PATIENCE
    while client.describe_execution(executionArn=begun["executionArn"])["status"] == "RUNNING":
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)
    events = client.get_execution_history(executionArn=begun["executionArn"], maxResults=1000)["events"]
    ended = [each["type"] for each in events][-1]
    return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each] + [ended]


def test_what_is_done_ends_it(watch):
    assert watch("done", DONE) == ["Check", "Judge", "Done", "ExecutionSucceeded"]


def test_it_rests_and_asks_again(watch):
    assert watch("waiting", WAITING, DONE) == ["Check", "Judge", "Rest", "Check", "Judge", "Done", "ExecutionSucceeded"]


def test_a_check_that_fails_is_tried_again(watch):
    assert watch("failing", "fail", "fail", DONE) == ["Check", "Judge", "Done", "ExecutionSucceeded"]


def test_whatever_fails_the_watch_goes_on(watch):
    states = watch("broken", *["fail"] * 4, WAITING, DONE)
    assert states[:3] == ["Check", "Recover", "Check"]
    assert states[-2:] == ["Done", "ExecutionSucceeded"]
