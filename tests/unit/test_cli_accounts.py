"""Keys and platform admins, from the command line on the machine itself."""

import pytest
from click.testing import CliRunner

from chalicelib.accounts import operations
from chalicelib.cli import cli
from chalicelib.settings import read_settings
from chalicelib.wiring import connect
from tests.client import client
from tests.people import ORIGIN, PASSWORD

EMAIL = "ada@engines.example"


@pytest.fixture
def environment(tmp_path):
    return {"MILLRACE_DATA": str(tmp_path / "data")}


@pytest.fixture
def ada(environment):
    """Signed in to a home of her own, which the command line works on."""
    ports = connect(read_settings(environment))
    operations.signup(ports, email=EMAIL, password=PASSWORD, organisation="Engines")
    return client(ports, operations.login(ports, email=EMAIL, password=PASSWORD, origin=ORIGIN).access_token)


@pytest.fixture
def millrace(environment):
    return lambda *arguments: CliRunner().invoke(cli, arguments, env=environment)


def test_after_a_rotation_people_stay_signed_in(millrace, ada):
    before = ada.get("/api/user").status
    assert "Tokens are signed with key" in millrace("keys", "rotate").output
    assert (before, ada.get("/api/user").status) == (200, 200)


def test_a_rotation_takes_another_key_each_time(millrace, ada):
    assert millrace("keys", "rotate").output != millrace("keys", "rotate").output


def test_platform_admins_are_made_at_the_machine(millrace, ada):
    millrace("admins", "add", EMAIL)
    assert ada.get("/api/user").json["platform_admin"] is True


def test_platform_admins_are_ordinary_users_again(millrace, ada):
    millrace("admins", "add", EMAIL)
    assert "no platform admin any more" in millrace("admins", "remove", EMAIL).output
    assert ada.get("/api/user").json["platform_admin"] is False


def test_who_has_no_account_cannot_become_one(millrace, ada):
    refused = millrace("admins", "add", "nobody@engines.example")
    assert (refused.exit_code, "sign up first" in refused.output) == (3, True)


def test_making_a_platform_admin_is_in_the_audit(millrace, ada):
    millrace("admins", "add", EMAIL)
    kept = ada.get("/api/tenants/" + ada.get("/api/user").json["tenant_id"] + "/audit").json
    assert "platform.grant" in [each["action"] for each in kept["items"]]
