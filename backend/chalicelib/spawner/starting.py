"""How a request becomes a shell."""

import _posixsubprocess
import marshal
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    Header: TypeAlias = tuple[Sequence[str], Mapping[str, str], str, int, int, str]
    """argv, environment, working folder, uid (0: the spawner's own), number of the order file, kind of isolation."""

RESERVED = (9, 231)
"""Numbers at which shells find their order files, and we have nothing else."""

fork_exec: "Callable[..., int]" = _posixsubprocess.fork_exec


def reserve() -> None:
    for number in RESERVED:
        os.dup2(0, number, inheritable=False)


def out_of_the_way(fd: int) -> int:
    """The file at a number that is not reserved, and not handed on to shells."""
    moved = os.dup(fd)
    while moved in RESERVED:
        moved = os.dup(moved)
    os.close(fd)
    return moved


def read_header(order: int) -> "Header":
    """The part of the order file before its position, which is left where the shell begins to read."""
    length = os.lseek(order, 0, os.SEEK_CUR)
    header: Header = marshal.loads(os.pread(order, length, 0))  # noqa: S302  # written by the worker
    return header


def start_shell(header: "Header", control: int, output: int, order: int, *, immune: bool) -> int:
    """Starts the shell by what `subprocess` is built on. The child reports what fails on the run's own socket.

    A vfork is far cheaper than a fork, but knows no change of user. So we are the user ourselves for that moment, and
    exec makes it final for the shell alone; the shell may hit us meanwhile, and only if we are immune we risk it.
    """
    argv, env, home, uid, number, _ = header
    variables = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in env.items()]
    user = None if immune else uid or None
    os.dup2(order, number)
    try:
        if uid and immune:
            os.setresgid(uid, uid, 0)
            os.setresuid(uid, uid, 0)
        return fork_exec(
            [os.fsencode(each) for each in argv],
            (os.fsencode(argv[0]),),
            *(False, (), home, variables),
            *(-1, -1, -1, output, -1, output),  # the input is ours: /dev/null
            *(order, control),  # closed in the child, and where it reports
            *(True, True, -1),  # default signals, a session of its own
            *(user, None, user),
            *(-1, None, True),
        )
    finally:
        if uid and immune:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)
        os.dup2(0, number, inheritable=False)
