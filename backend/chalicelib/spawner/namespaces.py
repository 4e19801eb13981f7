"""A spawner that is the first process of a namespace: nothing in there can hit it, and nothing survives it."""

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_SLAVE = 0x2, 0x4, 0x8, 0x4000, 0x80000
libc = ctypes.CDLL(None, use_errno=True)


def can_separate() -> bool:
    """Tries it all in children, since a root in a container may be allowed a part of it."""
    return succeeds(rehearse)


def rehearse() -> None:
    separate()
    if not succeeds(mount_proc):
        raise PermissionError("/proc cannot be mounted")


def succeeds(act: "Callable[[], None]") -> bool:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def separate() -> None:
    """The next child is the first process of a new namespace."""
    check(libc.unshare(CLONE_NEWPID | CLONE_NEWNS))
    check(libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None))


def mount_proc() -> None:
    """Only a /proc of its own tells a shell the right numbers; in this one users see no processes but their own."""
    check(libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, b"hidepid=2"))


def check(result: int) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
