"""The tokens that the command line keeps."""

import stat

from chalicelib.logins import Login, read_login, store_login

HERE, THERE = "http://127.0.0.1:8000", "https://millrace.example.org"
ADA = Login("ada@example.org", "access", "refresh", "2026-11-20T12:00:00.000000Z")


def test_a_login_is_found_again(tmp_path):
    store_login(tmp_path / "logins.json", HERE, ADA)
    assert read_login(tmp_path / "logins.json", HERE) == ADA


def test_nobody_is_signed_in_at_first(tmp_path):
    assert read_login(tmp_path / "logins.json", HERE) is None


def test_each_server_has_its_own(tmp_path):
    store_login(tmp_path / "logins.json", HERE, ADA)
    assert read_login(tmp_path / "logins.json", THERE) is None


def test_only_the_owner_reads_them(tmp_path):
    store_login(tmp_path / "new" / "logins.json", HERE, ADA)
    assert stat.S_IMODE((tmp_path / "new" / "logins.json").stat().st_mode) == 0o600


def test_a_forgotten_login_leaves_the_others(tmp_path):
    store_login(tmp_path / "logins.json", HERE, ADA)
    store_login(tmp_path / "logins.json", THERE, ADA)
    store_login(tmp_path / "logins.json", HERE, None)
    assert (read_login(tmp_path / "logins.json", HERE), read_login(tmp_path / "logins.json", THERE)) == (None, ADA)
