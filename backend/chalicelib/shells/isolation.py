"""What keeps one order from another and from the service, and how the best that this machine offers is found."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

USERS = range(59000, 59256)
"""Users that orders run as; no distribution assigns them. Those that have a passwd or group entry are skipped."""

_CHANGE_USER = (1 << 0) | (1 << 1) | (1 << 3) | (1 << 6) | (1 << 7)
"""CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_SETGID, CAP_SETUID: what a root in a container may lack."""


class Isolation(StrEnum):
    USER = "user"
    """Started as root: each slot has a user of its own."""
    BWRAP = "bwrap"
    """Bubblewrap: own processes and a file system without the service's data; the user is the service's."""
    NONE = "none"
    """Nothing but a clean environment and a session of its own. An order can read what the service can."""


def choose_isolation() -> Isolation:
    if os.geteuid() == 0 and _can_change_user():
        return Isolation.USER
    return Isolation.BWRAP if _bwrap_works() else Isolation.NONE


def bwrap_command(scratch: Path, hide: Sequence[Path]) -> list[str]:
    """The command line in front of a shell that may write in `scratch` alone and sees nothing of `hide`.

    The network stays. There is no --new-session: the spawner has made one, and in one group with bwrap the order is
    killed as a whole.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise FileNotFoundError("bwrap is not installed")
    hidden = [*hide, Path.home(), *map(Path, ("/home", "/root", "/tmp", "/var/tmp"))]  # noqa: S108  # to hide them
    covers = [part for path in _folders(hidden) for part in ("--tmpfs", str(path))]
    return [
        *(bwrap, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--ro-bind", "/", "/"),
        *("--proc", "/proc", "--dev", "/dev", *covers),
        *("--bind", str(scratch), str(scratch), "--chdir", str(scratch), "--"),
    ]


def _folders(paths: Sequence[Path]) -> list[Path]:
    """Real folders, outer before inner: a cover laid later would otherwise be hidden under an earlier one's parent."""
    return sorted({path.resolve() for path in paths if path.is_dir()} - {Path("/")})


def _can_change_user() -> bool:
    if sys.platform != "linux":
        return False
    status = Path("/proc/self/status").read_text()
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    return effective & _CHANGE_USER == _CHANGE_USER and all(map(_is_mapped, (USERS[0], USERS[-1])))


def _is_mapped(user: int) -> bool:
    """In a user namespace not every user exists."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        inside, _, length = map(int, line.split())
        if inside <= user < inside + length:
            return True
    return False


def _bwrap_works() -> bool:
    """Installed is not enough: unprivileged user namespaces may be switched off."""
    if shutil.which("bwrap") is None:
        return False
    command = [*bwrap_command(Path("/usr"), []), "/bin/sh", "-c", ":"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=10, stdin=subprocess.DEVNULL)  # noqa: S603  # our own command line
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
