"""What an order takes along: code, commands, values, links."""

import io
import json
import os
import stat
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from pyrage.x25519 import Identity

from chalicelib.errors import Invalid
from chalicelib.jobs import bundles, places
from chalicelib.jobs.bundles import archives, git
from chalicelib.jobs.bundles.archives import EXECUTABLE, LINK, File
from chalicelib.jobs.bundles.delivering import lifetime
from chalicelib.jobs.bundles.environment import read_location, secret_values, variable
from chalicelib.jobs.bundles.program import program_key
from chalicelib.jobs.bundles.sealing import recipient_of, seal
from chalicelib.work.opening import CannotOpen, open_values
from tests import make
from tests.far import FarHome, home_in_memory, zipped

SOPS = """#!/bin/sh
# Stands in for sops: what it was told, and its input turned round.
echo "$@" >> "$(dirname "$0")/told"
case "$1" in
--encrypt) printf 'sops:'; rev ;;
--decrypt) grep -q AGE-SECRET-KEY "$SOPS_AGE_KEY_FILE" && sed 's/^sops://' | rev ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path) -> FarHome:
    return home_in_memory(tmp_path)


@pytest.fixture
def sops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sops").write_text(SOPS)
    (folder / "sops").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "told"


def told(home: FarHome, job_id: str, attempt: int = 1) -> dict[str, object]:
    found: dict[str, object] = json.loads(home.ports.objects.get(places.order_key(job_id, 1, attempt)))
    return found


def test_it_works(home: FarHome) -> None:
    job_id = home.submit(make.order(cmds=["echo a", "echo b"], env_vars={"COLOUR": "red"}))
    inside = json.loads(home.bundle(job_id).read("order.json"))
    assert inside["cmds"] == ["echo a", "echo b"]
    assert inside["variables"] == ["COLOUR"]


def test_a_tree_of_objects_is_packed_with_scripts_executable(home: FarHome) -> None:
    home.sources.objects["s3://code/app/"] = [("run.sh", b"#!/bin/sh\n"), ("lib/a.txt", b"A")]
    job_id = home.submit(make.order(s3_location="s3://code/app/"))
    modes = {each.filename: each.external_attr >> 16 for each in home.bundle(job_id).infolist()}
    assert modes["code/run.sh"] == EXECUTABLE
    assert not modes["code/lib/a.txt"] & stat.S_IXUSR


def test_permissions_of_a_zip_survive(home: FarHome) -> None:
    content = zipped({"tool": b"\x7fELF", "notes": b"#!/"}, executable=("tool",))
    home.sources.objects["s3://code/app.zip"] = [("app.zip", content)]
    job_id = home.submit(make.order(s3_location="s3://code/app.zip"))
    modes = {each.filename: each.external_attr >> 16 for each in home.bundle(job_id).infolist()}
    assert modes["code/tool"] == EXECUTABLE
    assert not modes["code/notes"] & stat.S_IXUSR


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../evil", "a\\b", "C:/x", "a//b", "./a"])
def test_a_zip_that_leaves_its_folder_is_refused(home: FarHome, name: str) -> None:
    home.sources.objects["s3://code/app.zip"] = [("app.zip", zipped({name: b"x"}))]
    with pytest.raises(Invalid, match="would not stay in its folder"):
        home.submit(make.order(s3_location="s3://code/app.zip"))


def test_what_is_no_zip_is_refused(home: FarHome) -> None:
    home.sources.objects["s3://code/app.zip"] = [("app.zip", b"PK?")]
    with pytest.raises(Invalid, match="no zip"):
        home.submit(make.order(s3_location="s3://code/app.zip"))


def test_the_same_files_make_the_same_zip() -> None:
    files = {"b": File(b"1"), "a": File(b"2", EXECUTABLE), "c": File(b"a", LINK)}
    assert archives.pack(files) == archives.pack(dict(reversed(files.items())))
    assert archives.unpack(archives.pack(files)) == files


@pytest.mark.parametrize(
    ("path", "name"), [("/app/prod/DB-URL", "DB_URL"), ("app/keys", "keys"), ("/a/b/", "b"), ("/x/1st", "_1st")]
)
def test_a_variable_is_named_by_the_end_of_its_path(path: str, name: str) -> None:
    assert variable(path) == name


def test_a_secret_that_is_no_object_is_one_value(home: FarHome) -> None:
    home.sources.secrets["app/token"] = "just text"
    job_id = home.submit(make.order(secret_manager_paths=["app/token"]))
    assert secret_values(home.ports, home.order(job_id)) == {"token": "just text"}


def test_values_of_a_secret_that_are_no_text_become_json(home: FarHome) -> None:
    home.sources.secrets["app"] = json.dumps({"PORT": 80, "HOSTS": ["a"]})
    job_id = home.submit(make.order(secret_manager_paths=["app"]))
    assert secret_values(home.ports, home.order(job_id)) == {"PORT": "80", "HOSTS": '["a"]'}


@pytest.mark.parametrize("location", ["/git/token", "ssm:/git/token", "aws:::ssm:/git/token"])
def test_a_location_may_be_a_parameter(home: FarHome, location: str) -> None:
    home.sources.values["/git/token"] = "sesame\n"
    assert read_location(home.ports, location) == "sesame"


@pytest.mark.parametrize("location", ["git/token", "secretsmanager:git/token", "aws:::secretsmanager:git/token"])
def test_a_location_may_be_a_secret(home: FarHome, location: str) -> None:
    home.sources.secrets["git/token"] = "sesame"
    assert read_location(home.ports, location) == "sesame"


def test_values_are_read_when_an_order_starts_and_again_for_each_attempt(home: FarHome) -> None:
    home.sources.values["/TOKEN"] = "old"
    job_id = home.submit(make.order(ssm_paths=["/TOKEN"], retries=1))
    home.sources.values["/TOKEN"] = "new"
    home.leave(job_id, 1, b"{}")
    home.tell()
    key = home.ports.objects.get(places.secret_key(job_id, 1, 2)).decode()
    assert open_values("age", home.ports.objects.get(places.values_key(job_id, 1, 2)), key) == {"TOKEN": "new"}


def test_each_attempt_has_a_key_of_its_own(home: FarHome) -> None:
    job_id = home.submit(make.order(secrets={"A": "sesame"}, retries=1))
    first = home.ports.objects.get(places.secret_key(job_id, 1, 1)).decode()
    home.leave(job_id, 1, b"{}")
    home.tell()
    with pytest.raises(CannotOpen):
        open_values("age", home.ports.objects.get(places.values_key(job_id, 1, 2)), first)


def test_an_order_without_secrets_needs_no_key(home: FarHome) -> None:
    job_id = home.submit(make.order(env_vars={"A": "b"}))
    assert told(home, job_id)["values"] is None
    assert home.ports.objects.list(places.keys_prefix(job_id)) == []


def test_links_last_until_the_order_has_surely_ended(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=600))
    assert lifetime(home.job(job_id), home.order(job_id)) == timedelta(seconds=600 + 60 + 900)


def test_links_last_as_long_as_was_asked_for(home: FarHome) -> None:
    job_id = home.submit(make.order(timeout=600), presign_expiry=9000)
    assert lifetime(home.job(job_id), home.order(job_id)) == timedelta(seconds=9000)


def test_a_bundle_that_went_with_its_day_is_packed_anew(home: FarHome) -> None:
    job_id = home.submit(make.order("a"), make.order("b", after=["a"]))
    home.ports.objects.delete_prefix("tmp/exec/")
    home.leave(job_id, 1, b'{"status": "succeeded", "log": ""}')
    home.tell()
    assert home.bundle(job_id, 2).namelist() == ["order.json"]


def test_packaging_may_come_first(home: FarHome) -> None:
    job_id = home.submit()
    bundles.package(home.ports, home.job(job_id), [home.order(job_id)])
    assert home.bundle(job_id).namelist() == ["order.json"]


def test_the_program_holds_what_it_imports(home: FarHome) -> None:
    content = zipfile.ZipFile(io.BytesIO(home.ports.objects.get(program_key(home.ports))))
    assert {"chalicelib/__init__.py", "chalicelib/work/main.py", "chalicelib/shells/__init__.py"} <= set(
        content.namelist()
    )


def test_what_was_sealed_opens_with_its_key_alone() -> None:
    sealed = seal({"A": "sesame"})
    assert b"sesame" not in sealed.content
    assert open_values(sealed.kind, sealed.content, sealed.key) == {"A": "sesame"}
    with pytest.raises(CannotOpen):
        open_values(sealed.kind, sealed.content, str(Identity.generate()))


def test_an_order_may_name_another_recipient() -> None:
    other = Identity.generate()
    sealed = seal({"A": "sesame"}, also_for=[str(other.to_public())])
    assert open_values(sealed.kind, sealed.content, str(other)) == {"A": "sesame"}
    assert recipient_of(f"# a key\n{other}") == str(other.to_public())


@pytest.mark.parametrize("text", ["", "nonsense", "AGE-SECRET-KEY-NONSENSE"])
def test_what_is_no_age_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="sops_key"):
        recipient_of(text)


def test_sops_is_used_where_it_is_installed(sops: Path) -> None:
    sealed = seal({"A": "sesame"})
    assert sealed.kind == "sops"
    assert open_values(sealed.kind, sealed.content, sealed.key) == {"A": "sesame"}
    assert sops.read_text().splitlines()[0].startswith("--encrypt --age age1")
    assert "AGE-SECRET-KEY" not in sops.read_text()


def test_sops_that_is_missing_where_it_is_needed_is_named() -> None:
    with pytest.raises(CannotOpen, match="`sops` is installed"):
        open_values("sops", b"x", str(Identity.generate()))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:sesame@git.example/a/b.git?token=sesame", "https://git.example/a/b.git"),
        ("git@git.example:a/b.git", "git.example:a/b.git"),
    ],
)
def test_an_address_is_shown_without_secrets(address: str, shown: str) -> None:
    assert git.shown(address) == shown


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc",
        "ext::sh -c id",
        "http://git.example/a",
        "https://127.0.0.1/a",
        "https://169.254.169.254/a",
        "-oProxyCommand=id:path",
        "git://git.example/a",
    ],
)
def test_a_repository_elsewhere_than_on_the_open_internet_is_refused(address: str) -> None:
    with pytest.raises((Invalid, git.CannotFetch)):
        git.fetch(git.Commit(repository=address, revision="a" * 40), allowed=frozenset())
