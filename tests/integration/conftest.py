from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.aws import connect
from chalicelib.settings import read_settings

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def aws() -> Iterator[Callable[[str], Any]]:
    """Makes clients of an emulated AWS. It is one for all tests: each makes its own table, bucket or queues."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield lambda service: connect(service, read_settings({}))
