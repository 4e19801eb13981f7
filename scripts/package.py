"""Builds what `make deploy` sends to AWS: build/aws/<stage>/ with sam.json and deployment.zip.

The families of infrastructure/ are joined and merged into the template that `chalice package` makes of app.py.
"""

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

from chalice.package import YAMLTemplateSerializer

ROOT = Path(__file__).resolve().parent.parent
INFRASTRUCTURE = ROOT / "infrastructure"
LOCK = ROOT / "requirements" / "test.txt"
LARGEST = 50_000_000
"""Bytes of a zip that Lambda takes."""
COGNITO = ("cryptography", "cffi", "pycparser")
"""What the pages' own sign-in has no use for."""
TEXT = "Fn::File"
"""`!File name` stands for the text of a file beside the family."""

Template = dict[str, Any]


def join_families() -> Template:
    """All of infrastructure/ as one template. Raises ValueError when two families tell the same thing."""
    joined: Template = {}
    for path in sorted(INFRASTRUCTURE.glob("*.yaml")):
        family = YAMLTemplateSerializer().load_template(path.read_text(), path.name)
        for section, entries in family.items():
            whole = joined.setdefault(section, {})
            if twice := whole.keys() & entries.keys():
                raise ValueError(f"{path.name} tells {', '.join(sorted(twice))} again")
            whole |= _with_texts(entries)
    return joined


def _with_texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_texts(each) for each in value]
    if not isinstance(value, dict):
        return value
    if TEXT in value:
        # Smaller, and the same whatever the file's layout.
        return json.dumps(json.loads((INFRASTRUCTURE / value[TEXT]).read_text()), separators=(",", ":"))
    return {name: _with_texts(each) for name, each in value.items()}


def read_values(stage: str) -> dict[str, str]:
    """What this environment's parameters are."""
    path = INFRASTRUCTURE / "values" / f"{stage}.json"
    if not path.exists():
        known = sorted(each.stem for each in path.parent.glob("*.json"))
        raise SystemExit(f"There is no stage {stage!r}; infrastructure/values has: {', '.join(known)}")
    values: dict[str, str] = json.loads(path.read_text())
    return values


def folder_of(stage: str) -> Path:
    return ROOT / "build" / "aws" / stage


def package(stage: str, folder: Path) -> Path:
    """The zip, with the template beside it."""
    values = read_values(stage)
    shutil.rmtree(folder, ignore_errors=True)
    project = folder / "project"
    # A copy: Chalice keeps wheels of its last run beside the project, and uses them whatever the lock says.
    shutil.copytree(ROOT / "backend", project, ignore=shutil.ignore_patterns("__pycache__", "deployments"))
    if values.get("SignIn") == "cognito":
        _require_cognito(project / "requirements.txt")
    _tell_version(project / "vendor")
    merged = folder / "infrastructure.json"
    merged.write_text(json.dumps(join_families(), indent=1))
    command = [Path(sys.executable).with_name("chalice"), "--project-dir", project]
    command += ["package", "--stage", stage, "--merge-template", merged, folder]
    subprocess.run(command, env={"AWS_DEFAULT_REGION": "eu-west-1", **os.environ}, check=True)  # noqa: S603
    archive = folder / "deployment.zip"
    _compile(archive)
    return archive


def _compile(archive: Path) -> None:
    """Adds compiled code. Lambda's disk is read-only, so that every start would compile all of it anew."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with zipfile.ZipFile(archive) as sources:
            sources.extractall(root)
        # Unchecked: files in a zip have no times worth comparing.
        unchecked = PycInvalidationMode.UNCHECKED_HASH
        done = compileall.compile_dir(root, quiet=1, workers=0, stripdir=root, invalidation_mode=unchecked)
        if not done:
            raise SystemExit("Some of the code cannot be compiled.")
        with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as whole:
            for compiled in sorted(root.rglob("*.pyc")):
                whole.write(compiled, compiled.relative_to(root))


def _require_cognito(requirements: Path) -> None:
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    lines = {*requirements.read_text().splitlines(), *(f"{name}=={pins[name]}" for name in COGNITO)}
    requirements.write_text("".join(f"{line}\n" for line in sorted(lines)))


def _tell_version(vendor: Path) -> None:
    """As an installed package does it; `vendor` becomes the root of the zip."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    about = vendor / f"millrace-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: millrace\nVersion: {version}\n")


def main(stage: str, folder: str = "") -> None:
    archive = package(stage, Path(folder) if folder else folder_of(stage))
    size = archive.stat().st_size
    print(f"{archive}: {size / 1e6:.1f} MB of at most {LARGEST / 1e6:.0f} MB")
    if size > LARGEST:
        raise SystemExit("Lambda would refuse it.")


if __name__ == "__main__":
    main(*sys.argv[1:])
