"""Encrypting the values of an order's environment: by sops where it is installed, else as an age file."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from pyrage import encrypt  # type: ignore[attr-defined]  # compiled, and comes without stubs
from pyrage.x25519 import Identity, Recipient

from chalicelib.errors import Invalid, Unavailable
from chalicelib.work.opening import AGE, PATIENCE, SOPS


@dataclass(frozen=True, slots=True)
class Sealed:
    """`key` is the age identity that opens `content`; whoever keeps the two keeps them apart."""

    kind: str
    content: bytes
    key: str


def seal(values: Mapping[str, str], *, also_for: Sequence[str] = ()) -> Sealed:
    """Encrypted for a key made here, and for other age recipients. Raises Invalid for what is no recipient."""
    identity = Identity.generate()
    recipients = [str(identity.to_public()), *also_for]
    plain = orjson.dumps(dict(values))
    if sops := shutil.which("sops"):
        return Sealed(SOPS, _by_sops(sops, plain, recipients), str(identity))
    return Sealed(AGE, encrypt(plain, [_recipient(each) for each in recipients]), str(identity))


def recipient_of(text: str) -> str:
    """The recipient that an age key stands for, whether it is the public or the secret one. Raises Invalid."""
    for line in text.split():
        if line.startswith("AGE-SECRET-KEY-"):
            try:
                return str(Identity.from_str(line).to_public())
            except Exception as error:  # noqa: BLE001 - pyrage's own errors have no common base but this
                raise Invalid(f"sops_key is no age key: {type(error).__name__}.") from None
        if line.startswith("age1"):
            return line
    raise Invalid("sops_key must be an age recipient (age1...), or the place of an age key.")


def _recipient(text: str) -> Recipient:
    try:
        return Recipient.from_str(text)
    except Exception:  # noqa: BLE001 - as above
        raise Invalid("sops_key is no age recipient.") from None


def _by_sops(sops: str, plain: bytes, recipients: Sequence[str]) -> bytes:
    formats = ["--input-type", "json", "--output-type", "json"]
    command = [sops, "--encrypt", "--age", ",".join(recipients), *formats, "/dev/stdin"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(  # noqa: S603 - a program found on the path
        command, input=plain, capture_output=True, check=False, timeout=PATIENCE, env=environment
    )
    if done.returncode:
        raise Unavailable(f"sops cannot encrypt: {done.stderr.decode(errors='replace')[-300:]}")
    return done.stdout
