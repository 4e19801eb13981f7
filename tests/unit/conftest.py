import pytest

from tests import make
from tests.people import People


@pytest.fixture
def ports():
    return make.ports()


@pytest.fixture
def people(ports):
    return People(ports)
