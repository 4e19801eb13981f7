"""Variables of the environment, read once and in full."""

import pytest

from chalicelib.settings import BadSettings, read_client_settings, read_settings


def test_it_starts_without_any_variable():
    assert read_settings({}).port == 8000


def test_all_faults_are_told_at_once():
    with pytest.raises(BadSettings, match=r"(?s)MILLRACE_PORT.*MILLRACE_WORKERS"):
        read_settings({"MILLRACE_PORT": "x", "MILLRACE_WORKERS": "-1"})


def test_a_misspelt_variable_is_refused():
    with pytest.raises(BadSettings, match="MILLRACE_PROT: no such setting"):
        read_settings({"MILLRACE_PROT": "8001"})


def test_a_port_beyond_the_last_is_refused():
    with pytest.raises(BadSettings, match="MILLRACE_PORT"):
        read_settings({"MILLRACE_PORT": "65536"})


def test_a_server_ignores_what_its_client_reads():
    assert read_settings({"MILLRACE_URL": "https://millrace.example.org"}) == read_settings({})


def test_a_client_looks_for_the_server_that_runs_here():
    assert read_client_settings({"MILLRACE_PORT": "8001"}).url == "http://127.0.0.1:8001"


def test_a_client_goes_where_it_is_told():
    told = {"MILLRACE_URL": "https://millrace.example.org", "MILLRACE_TOKEN": "t", "XDG_CONFIG_HOME": "/somewhere"}
    settings = read_client_settings(told)
    assert (settings.url, settings.token, str(settings.logins)) == (
        "https://millrace.example.org",
        "t",
        "/somewhere/millrace/logins.json",
    )
