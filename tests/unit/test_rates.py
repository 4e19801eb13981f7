import pytest

from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.rates.documents import DocumentRates
from chalicelib.rates.files import FileRates
from chalicelib.sqlite import Database
from tests.contracts.rates import RatesContract


class TestFileRates(RatesContract):
    @pytest.fixture
    def rates(self, tmp_path, clock):
        return FileRates(tmp_path / "rates", clock)


class TestDocumentRates(RatesContract):
    @pytest.fixture
    def rates(self, clock):
        return DocumentRates(SqliteDocuments(Database(None), clock), clock)


def test_buckets_outlive_the_process(tmp_path, clock):
    FileRates(tmp_path, clock).take("acme", 1)
    assert FileRates(tmp_path, clock).take("acme", 1).retry_after == 60
