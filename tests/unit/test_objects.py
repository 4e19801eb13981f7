from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.objects.folder import FolderObjects
from tests.clocks import ManualClock
from tests.contracts import objects as contract

SECRET = b"s" * 32
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def objects(tmp_path: Path, clock: ManualClock) -> FolderObjects:
    return FolderObjects(tmp_path / "objects", SECRET, clock)


class TestObjects(contract.ObjectsContract):
    pass


class TestKeys(contract.ObjectKeysContract):
    pass


class TestLists(contract.ObjectListsContract):
    pass
