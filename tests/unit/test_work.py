"""The worker program's parts that need no network."""

import io
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from chalicelib.jobs.executors.launching import script
from chalicelib.work.unpacking import UnsafeArchive, unpack
from tests.far import zipped


def linked(name: str, target: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, target)
        archive.writestr("real", "content")
    return packed.getvalue()


def test_it_works(tmp_path: Path) -> None:
    unpack(zipped({"bin/run": b"#!/bin/sh\n", "a": b"A"}, executable=("bin/run",)), tmp_path)
    assert (tmp_path / "a").read_bytes() == b"A"
    assert (tmp_path / "bin" / "run").stat().st_mode & stat.S_IXUSR
    assert not (tmp_path / "a").stat().st_mode & stat.S_IXUSR


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a\\..\\evil"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    with pytest.raises(UnsafeArchive):
        unpack(zipped({"good": b"x", name: b"evil"}), folder)
    assert list(folder.iterdir()) == []
    assert [each.name for each in tmp_path.iterdir()] == ["inner"]


def test_a_link_inside_is_kept(tmp_path: Path) -> None:
    unpack(linked("there", "real"), tmp_path)
    assert (tmp_path / "there").read_text() == "content"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(UnsafeArchive, match="leads out"):
        unpack(linked("there", target), tmp_path)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="no zip"):
        unpack(b"nothing", tmp_path)


def test_the_launching_script_is_one_for_sh_whatever_the_link_holds(tmp_path: Path) -> None:
    text = script("https://s3.example/a?b='\"$(touch evil)`touch evil`\\")
    assert subprocess.run(["sh", "-n", "-c", text], check=False).returncode == 0
    assert "$(touch evil)" in text


def test_a_machine_without_a_fitting_python_says_so() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", script("x")], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "Millrace needs Python 3.11 or newer here\n"
