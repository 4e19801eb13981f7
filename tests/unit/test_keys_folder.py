import pytest

from chalicelib.keys.folder import FolderKeys
from tests.contracts.keys import KeysContract


@pytest.fixture
def keys(tmp_path):
    return FolderKeys(tmp_path / "keys")


class TestFolderKeys(KeysContract):
    pass
