from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chalicelib.keys.parameters import ParameterKeys
from tests.contracts.keys import NAME, KeysContract
from tests.integration.conftest import OneAtATime

pytestmark = pytest.mark.integration

paths = (f"/millrace/test-{number}/keys" for number in count())


@pytest.fixture
def client(aws: Callable[[str], Any]) -> Any:
    return OneAtATime(aws("ssm"))


@pytest.fixture
def path() -> str:
    return next(paths)


@pytest.fixture
def keys(client: Any, path: str) -> ParameterKeys:
    return ParameterKeys(client, path)


class TestParameterKeys(KeysContract):
    pass


def test_they_are_encrypted_at_rest(client: Any, path: str, keys: ParameterKeys) -> None:
    keys.read_or_make(NAME, lambda: b"secret")
    assert client.get_parameter(Name=f"{path}/{NAME}")["Parameter"]["Type"] == "SecureString"


def test_another_process_learns_of_a_replacement(client: Any, path: str, keys: ParameterKeys) -> None:
    keys.read_or_make(NAME, lambda: b"first")
    before = keys.mark(NAME)
    ParameterKeys(client, path).replace(NAME, b"second")
    assert ParameterKeys(client, path).mark(NAME) != before
