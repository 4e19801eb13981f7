from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chalicelib.documents.dynamodb import DynamoDocuments
from chalicelib.documents.dynamodb.table import create_table
from chalicelib.rates.documents import DocumentRates
from tests.clocks import ManualClock
from tests.contracts.rates import RatesContract
from tests.integration.conftest import OneAtATime

pytestmark = pytest.mark.integration

numbers = count(1)


@pytest.fixture
def rates(aws: Callable[[str], Any], clock: ManualClock) -> DocumentRates:
    client, table = aws("dynamodb"), f"millrace-rates-{next(numbers)}"
    create_table(client, table)
    return DocumentRates(DynamoDocuments(OneAtATime(client), table, clock), clock)


class TestDocumentRates(RatesContract):
    pass
