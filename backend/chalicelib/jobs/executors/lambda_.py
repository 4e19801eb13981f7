"""Target `lambda`: one asynchronous invocation for each attempt, which AWS is told not to try again."""

import orjson

from chalicelib.aws import Client, Refused, call
from chalicelib.errors import Unavailable
from chalicelib.jobs.executors import ALIVE, Life, Parcel
from chalicelib.jobs.executors.launching import refusal

LONGEST = 900
"""Seconds; what a worker needs for itself it takes off an order's time."""


class LambdaProvider:
    def __init__(self, client: Client, function: str) -> None:
        self._client = client
        self._function = function

    def start(self, parcel: Parcel) -> str:
        payload = orjson.dumps({"order": parcel.link})
        wanted = {"FunctionName": self._function, "InvocationType": "Event", "Payload": payload}
        try:
            answer = call(self._client.invoke, **wanted)
        except (Refused, Unavailable) as error:
            raise refusal("Lambda", error) from error
        return str(answer["ResponseMetadata"].get("RequestId") or parcel.name)

    def stop(self, handle: str) -> bool:  # noqa: ARG002 - nobody can end an invocation but itself
        return False

    def poll(self, handle: str) -> Life:  # noqa: ARG002 - nor ask for one
        return ALIVE
