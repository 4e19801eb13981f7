from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
    UnknownServiceError,
)

from chalicelib.aws import Refused, call, connect
from chalicelib.errors import Unavailable
from chalicelib.settings import read_settings


def answering(code: str, status: int = 400) -> Any:
    def operation() -> None:
        answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, "GetItem")

    return operation


def failing(error: Exception) -> Any:
    def operation() -> None:
        raise error

    return operation


def test_it_works() -> None:
    assert call(dict, a=1) == {"a": 1}


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "SlowDown"])
def test_an_overloaded_aws_is_unavailable(code: str) -> None:
    with pytest.raises(Unavailable, match=code):
        call(answering(code))


def test_a_server_error_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        call(answering("Whatever", status=500))


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://example.test"),
        ReadTimeoutError(endpoint_url="https://example.test"),
    ],
    ids=["connection", "time-out"],
)
def test_an_aws_out_of_reach_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable):
        call(failing(error))


def test_other_answers_keep_their_code_and_content() -> None:
    with pytest.raises(Refused) as caught:
        call(answering("NoSuchKey", status=404))
    assert caught.value.code == "NoSuchKey"
    assert caught.value.answer["Error"]["Message"] == "no"


def test_no_error_of_boto3_comes_through() -> None:
    with pytest.raises(Refused, match="ParamValidationError"):
        call(failing(ParamValidationError(report="wrong")))


def test_a_client_is_made_once_something_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without credentials the machine itself would be asked for some.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = connect("no-such-service", read_settings({}))
    with pytest.raises(UnknownServiceError):
        client.get_item()
