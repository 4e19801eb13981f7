"""Called with the numbers of a socket and of a pipe, the warden (0: orders have no users) and a bound on processes.

Further numbers are of files that are to stay open while one of us lives.
"""

import _socket
import gc
import os
import resource
import sys

from chalicelib.spawner.guard import Guard, stand_guard
from chalicelib.spawner.namespaces import can_separate, libc, mount_proc, separate
from chalicelib.spawner.starting import out_of_the_way, reserve
from chalicelib.spawner.supervisor import Supervisor

FILES = 4096
"""Descriptors that a process of an order may have open."""
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38


def main() -> None:
    """The pipe stays open, and so tells the worker, as long as one of us lives."""
    number, alive, warden, processes, *kept = map(int, sys.argv[1:])
    orders = _socket.socket(fileno=out_of_the_way(number))
    for each in (alive, *kept):
        out_of_the_way(each)
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    gc.disable()
    confine(processes)
    separated = warden > 0 and can_separate()
    if separated:
        separate()
    pid = os.fork()
    if pid:
        orders.close()
        ours.close()
        stand_guard(theirs, pid, warden)
        return
    theirs.close()
    if separated:
        mount_proc()
    reserve()
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    Supervisor(orders, Guard(ours), warden, immune=separated).serve()


def confine(processes: int) -> None:
    """What every shell inherits: no privileges to gain, no core dumps, bounds, private files."""
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    bound = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, bound))
    if processes:
        os.setgroups([])
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.umask(0o077)
