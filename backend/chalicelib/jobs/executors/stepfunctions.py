"""Watchdogs as executions of a state machine of Step Functions."""

from collections.abc import Mapping

import orjson

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Unavailable
from chalicelib.jobs.executors import DispatchFailed


class StepFunctionsWatchdogs:
    def __init__(self, client: Client, machine: str) -> None:
        self._client = client
        self._machine = machine

    def start(self, name: str, watched: Mapping[str, object]) -> None:
        wanted = {"stateMachineArn": self._machine, "name": name, "input": orjson.dumps(watched).decode()}
        try:
            call(self._client.start_execution, **wanted)
        except Refused as refused:
            if refused.code != "ExecutionAlreadyExists":
                raise DispatchFailed(f"the watchdog could not be started: {refused}") from refused
        except Unavailable as error:
            raise DispatchFailed(f"the watchdog could not be started: {error}") from error
