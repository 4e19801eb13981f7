import stat

import pytest
from pyrage import DecryptError

from chalicelib.keys.folder import FolderKeys
from chalicelib.vault import Vault


def test_what_is_sealed_opens_again(tmp_path):
    vault = Vault(FolderKeys(tmp_path / "keys"))
    assert vault.open(vault.seal("pa$$wörd")) == "pa$$wörd"


def test_a_sealed_value_shows_nothing_of_the_text(tmp_path):
    assert "secret" not in Vault(FolderKeys(tmp_path / "keys")).seal("secret")


def test_another_process_with_the_same_folder_opens_it(tmp_path):
    sealed = Vault(FolderKeys(tmp_path / "keys")).seal("text")
    assert Vault(FolderKeys(tmp_path / "keys")).open(sealed) == "text"


def test_another_key_does_not_open_it(tmp_path):
    sealed = Vault(FolderKeys(tmp_path / "ours")).seal("text")
    with pytest.raises(DecryptError):
        Vault(FolderKeys(tmp_path / "theirs")).open(sealed)


def test_only_the_owner_reads_the_key(tmp_path):
    Vault(FolderKeys(tmp_path / "keys"))
    assert stat.S_IMODE((tmp_path / "keys" / "vault.age").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_nothing_but_the_key_is_left_in_the_folder(tmp_path):
    Vault(FolderKeys(tmp_path / "keys"))
    assert [each.name for each in (tmp_path / "keys").iterdir()] == ["vault.age"]
