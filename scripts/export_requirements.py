"""Writes backend/requirements.txt: what the Lambda package needs, at the versions of the lock.

`--check` writes nothing and fails when the file is stale. Run it in the project's own environment: what needs what is
read from the installed packages.
"""

import re
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "home.txt"
TARGET = ROOT / "backend" / "requirements.txt"
# Chalice's packager puts its own runtime into the zip; its command line (pip, inquirer, botocore) stays out of it.
PACKAGED_BY_CHALICE = frozenset({"chalice"})
LAMBDA = {"sys_platform": "linux", "platform_system": "Linux", "implementation_name": "cpython", "extra": ""}


def locked_versions() -> dict[str, str]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", LOCK.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def needed() -> set[str]:
    """Canonical names of the product's dependencies and of all that they need in turn."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    found: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate(LAMBDA)
        if not applies or name in found | PACKAGED_BY_CHALICE:
            continue
        found.add(name)
        waiting += [Requirement(text) for text in requires(name) or ()]
    return found


def export() -> str:
    versions = locked_versions()
    return "".join(f"{name}=={versions[name]}\n" for name in sorted(needed()))


def main() -> int:
    wanted = export()
    if "--check" not in sys.argv:
        TARGET.write_text(wanted)
    elif not TARGET.exists() or TARGET.read_text() != wanted:
        print("backend/requirements.txt is stale: make lock")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
