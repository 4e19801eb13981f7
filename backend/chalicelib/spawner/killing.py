"""Signals to everything of an order, wherever it hid."""

import _signal  # type: ignore[import-not-found]  # built in, yet unknown to typeshed
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SIGKILL, SIGTERM = int(_signal.SIGKILL), int(_signal.SIGTERM)
PASSES = 20
"""Times that runaways are looked for: each pass is faster than a fork bomb grows, but none ends for sure."""


def kill_user(uid: int, warden: int, signal: int) -> None:
    """Signals every process of the user, wherever it hid, in one atomic step.

    The real user is the warden meanwhile, under whom nothing runs: were it root, root's processes would be hit as
    well; were it the user, its processes could strike first.
    """
    os.setresuid(warden, uid, 0)
    try:
        send(-1, signal)
    finally:
        os.setresuid(0, 0, 0)


def kill_marked(find: "Callable[[], Iterable[int]]", home: str) -> None:
    """Without a user of its own or a namespace, what ran away from an order is known by its folder.

    Some may multiply while we look, so we look again until there is nobody new.
    """
    mark = b"=" + os.fsencode(home) + b"\0"
    killed: set[int] = set()
    for _ in range(PASSES):
        fresh = [pid for pid in find() if pid not in killed and mark in contents(f"/proc/{pid}/environ")]
        if not fresh:
            return
        for pid in fresh:
            send(pid, SIGKILL)
        killed.update(fresh)


def send(pid: int, signal: int) -> None:
    try:  # noqa: SIM105  # without contextlib
        os.kill(pid, signal)
    except (ProcessLookupError, PermissionError):
        pass  # it ended by itself, or what is left is not ours


def group_lives(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def everybody() -> "Iterator[int]":
    return (int(each) for each in os.listdir("/proc") if each.isdecimal())  # noqa: PTH208  # without pathlib


def children(pid: int) -> list[int]:
    return [int(each) for each in contents(f"/proc/{pid}/task/{pid}/children").split()]


def descendants(pid: int) -> list[int]:
    found = children(pid)
    for each in found:
        found += children(each)
    return found


def contents(path: str) -> bytes:
    try:
        with open(path, "rb", 0) as file:  # noqa: PTH123  # without pathlib
            return file.read()
    except OSError:
        return b""
