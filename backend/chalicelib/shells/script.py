"""How several commands become one shell, and how it is known which of them failed."""

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

BASH_FD, SH_FD = 231, 9
"""Where a shell finds its order file. Scripts use low numbers and 200; sh knows one digit only."""


_EXIT = 'exit "$((__millrace_status ? __millrace_status : 1))"'


@dataclass(frozen=True, slots=True)
class Script:
    """`body` is to be read by the shell from the order file at descriptor `fd`.

    Each command that succeeded and is followed by another moves the file's position one byte behind the body.
    """

    argv: tuple[str, ...]
    body: bytes
    fd: int


def write_script(commands: Sequence[str], *, plain: bool = False) -> Script:
    """All commands in one shell: `cd`, `export` and `set` carry over, the first failure ends it.

    `plain`: for what every system calls sh.
    """
    bash = None if plain else _find_bash()
    return _for_bash(bash, commands) if bash else _for_sh(commands)


@cache
def _find_bash() -> str | None:
    return shutil.which("bash", path=os.defpath)


def _for_bash(bash: str, commands: Sequence[str]) -> Script:
    """The commands travel in the order file, since command lines are public on the machine and bounded in length.

    They are unrolled rather than looped over, so that `break` has no loop of ours to leave, and each is parsed when its
    turn comes. `||` stands behind the group and not behind `eval`, where it would switch a user's `set -e` off; the
    group's errors go nowhere, so that `set -x` shows the user's commands alone.
    """
    succeeded = "if [[ $__millrace_status == 0 ]]; then printf . >&231 || :; else false; fi"
    then = f"; {{ __millrace_status=$?; {succeeded}; }} 2>/dev/null || {_EXIT}; "
    plan = then.join(f'eval "${{__millrace[{index}]}}"' for index in range(1, len(commands) + 1))
    # The last word of the command line is the name that bash puts before its messages.
    read = 'mapfile -d "" -t __millrace <&231; eval "${__millrace[0]}"'
    return Script((bash, "-c", read, "bash"), b"\0".join(map(os.fsencode, (plan, *commands))) + b"\0", BASH_FD)


def _for_sh(commands: Sequence[str]) -> Script:
    """A plain sh cannot read a list, so its commands stand on its command line."""
    succeeded = 'if [ "$__millrace_status" = 0 ]; then printf . >&9 || :; else false; fi'
    then = f"; {{ __millrace_status=$?; {succeeded}; }} 2>/dev/null || {_EXIT}; "
    return Script(("/bin/sh", "-c", then.join(f"eval {shlex.quote(each)}" for each in commands)), b"", SH_FD)
