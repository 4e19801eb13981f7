"""What the doctor finds, on a machine that a test has spoiled."""

import os
import sqlite3
from contextlib import closing

import pytest

from chalicelib import doctor
from chalicelib.findings import Verdict
from chalicelib.settings import read_settings
from chalicelib.sqlite import Database
from tests.clocks import ManualClock


@pytest.fixture
def settings(tmp_path):
    return read_settings({"MILLRACE_DATA": str(tmp_path)})


@pytest.fixture
def database(tmp_path):
    Database(tmp_path / "millrace.db").close()
    return tmp_path / "millrace.db"


def test_a_folder_not_made_yet_is_in_order(tmp_path):
    settings = read_settings({"MILLRACE_DATA": str(tmp_path / "later")})
    assert doctor.data_folder(settings, ManualClock()).verdict is Verdict.OK


def test_a_file_in_the_folder_s_place_must_be_mended(tmp_path):
    (tmp_path / "file").write_text("")
    settings = read_settings({"MILLRACE_DATA": str(tmp_path / "file")})
    assert doctor.data_folder(settings, ManualClock()).verdict is Verdict.MEND


def test_a_whole_database_is_in_order(settings, database):
    assert doctor.database(settings, ManualClock()).verdict is Verdict.OK


def test_a_damaged_database_must_be_mended(settings, database):
    database.write_bytes(b"no database" * 1000)
    assert doctor.database(settings, ManualClock()).verdict is Verdict.MEND


def test_a_database_of_a_newer_millrace_must_be_mended(settings, database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 999")
    assert "newer" in doctor.database(settings, ManualClock()).what


def test_a_clock_behind_the_data_must_be_mended(settings, database):
    clock = ManualClock()
    os.utime(database, (clock.now().timestamp() + 3600,) * 2)
    assert doctor.time(settings, clock).verdict is Verdict.MEND


def test_data_of_the_past_is_in_order(settings, database):
    clock = ManualClock()
    for file in database.parent.glob("millrace.db*"):
        os.utime(file, (clock.now().timestamp() - 3600,) * 2)
    assert doctor.time(settings, clock).verdict is Verdict.OK
