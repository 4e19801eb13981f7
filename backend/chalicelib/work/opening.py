"""Decrypting the values of an order's environment, by whatever can do it here."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

AGE, SOPS = "age", "sops"
"""How values are encrypted: as one age file, or by sops for an age key."""
PATIENCE = 60


class CannotOpen(Exception):
    """The values cannot be decrypted here; the message says why."""


def open_values(kind: str, content: bytes, key: str) -> dict[str, str]:
    """The environment. `key` is an age identity. Raises CannotOpen."""
    opened = _open_sops(content, key) if kind == SOPS else _open_age(content, key)
    values: dict[str, str] = json.loads(opened)
    return values


def _open_age(content: bytes, key: str) -> bytes:
    try:
        import pyrage  # noqa: PLC0415 - not everywhere, and only here
    except ImportError:
        return _run(["age", "--decrypt", "--identity", "{key}"], content, key)
    try:
        opened: bytes = pyrage.decrypt(content, [pyrage.x25519.Identity.from_str(key)])  # type: ignore[attr-defined]
    except pyrage.DecryptError as error:  # type: ignore[attr-defined]  # compiled, and comes without stubs
        raise CannotOpen(f"the values cannot be decrypted: {error}") from error
    return opened


def _open_sops(content: bytes, key: str) -> bytes:
    formats = ["--input-type", "json", "--output-type", "json"]
    return _run(["sops", "--decrypt", *formats, "/dev/stdin"], content, key)


def _run(command: list[str], content: bytes, key: str) -> bytes:
    program = shutil.which(command[0])
    if program is None:
        raise CannotOpen(f"neither pyrage nor `{command[0]}` is installed where the order is to run")
    with tempfile.TemporaryDirectory() as folder:
        # A file that its owner alone may read: command lines and environments are seen by more.
        path = Path(folder) / "key"
        path.touch(mode=0o600)
        path.write_text(key)
        arguments = [each.replace("{key}", str(path)) for each in command[1:]]
        done = subprocess.run(  # noqa: S603 - a program found on the path
            [program, *arguments],
            input=content,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            env={"SOPS_AGE_KEY_FILE": str(path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
    if done.returncode:
        raise CannotOpen(f"{command[0]} cannot decrypt the values: {done.stderr.decode(errors='replace')[-300:]}")
    return done.stdout
