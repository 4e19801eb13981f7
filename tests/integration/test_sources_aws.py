"""What submitters keep in Parameter Store, Secrets Manager and S3, on the emulated AWS."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chalicelib.errors import Invalid
from chalicelib.sources.aws import AwsSources
from tests.integration.conftest import REGION

pytestmark = pytest.mark.integration
numbers = count(1)


@pytest.fixture
def place(aws: Callable[[str], Any]) -> str:
    """Bucket, and first part of the names, of one test."""
    name = f"sources-{next(numbers)}"
    aws("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def sources(aws: Callable[[str], Any]) -> AwsSources:
    return AwsSources(
        ssm=aws("ssm"),
        secrets=aws("secretsmanager"),
        s3=aws("s3"),
        own_path="/millrace/keys",
        own_buckets=["millrace-own"],
    )


def test_it_works(aws: Callable[[str], Any], sources: AwsSources, place: str) -> None:
    aws("ssm").put_parameter(Name=f"/{place}/a", Value="1", Type="SecureString")
    aws("secretsmanager").create_secret(Name=f"{place}/b", SecretString="2")
    aws("s3").put_object(Bucket=place, Key="app.zip", Body=b"3")
    assert sources.parameters(f"/{place}/a") == {f"/{place}/a": "1"}
    assert sources.secret(f"{place}/b") == "2"
    assert list(sources.files(f"s3://{place}/app.zip")) == [("app.zip", b"3")]


def test_a_path_brings_all_below_it(aws: Callable[[str], Any], sources: AwsSources, place: str) -> None:
    for number in range(12):
        aws("ssm").put_parameter(Name=f"/{place}/deep/{number}", Value=str(number), Type="String")
    assert sources.parameters(f"/{place}/") == {f"/{place}/deep/{number}": str(number) for number in range(12)}


def test_a_folder_brings_all_below_it(aws: Callable[[str], Any], sources: AwsSources, place: str) -> None:
    for key in ("app/", "app/a", "app/b/c", "apple"):
        aws("s3").put_object(Bucket=place, Key=key, Body=key.encode())
    assert list(sources.files(f"s3://{place}/app/")) == [("a", b"app/a"), ("b/c", b"app/b/c")]


@pytest.mark.parametrize(
    "path",
    [
        "/millrace/keys/vault.age",
        "millrace/keys/x",
        "/millrace/keys/",
        "/millrace/",
        "/",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/millrace/keys/x",
    ],
)
def test_keys_of_the_service_are_nobodys_source(sources: AwsSources, path: str) -> None:
    with pytest.raises(Invalid, match="its own"):
        sources.parameters(path)


def test_data_of_the_service_is_nobodys_source(sources: AwsSources) -> None:
    with pytest.raises(Invalid, match="its own"):
        sources.files("s3://millrace-own/artifacts/other-tenant/")


@pytest.mark.parametrize(
    "location",
    [
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3://arn:aws:s3:eu-west-1:1:accesspoint/own/x",
        "/etc/passwd",
        "https://x/y",
    ],
)
def test_what_is_no_place_of_an_object_is_refused(sources: AwsSources, location: str) -> None:
    with pytest.raises(Invalid, match="is no place"):
        sources.files(location)


def test_what_is_not_there_is_named(sources: AwsSources, place: str) -> None:
    with pytest.raises(Invalid, match=f"the parameter /{place}/nothing: ParameterNotFound"):
        sources.parameters(f"/{place}/nothing")
    with pytest.raises(Invalid, match=f"the secret {place}: ResourceNotFoundException"):
        sources.secret(place)
    with pytest.raises(Invalid, match="NoSuchKey"):
        list(sources.files(f"s3://{place}/nothing"))
    with pytest.raises(Invalid, match="no objects below"):
        list(sources.files(f"s3://{place}/nothing/"))
    with pytest.raises(Invalid, match="no parameters below"):
        sources.parameters(f"/{place}/nothing/")
