"""The process that outlives a spawner which was killed, and kills what that has left."""

import _socket
import marshal
import os
import sys

from chalicelib.spawner.killing import SIGKILL, everybody, kill_marked, kill_user
from chalicelib.spawner.messages import receive, tell


class Guard:
    """The spawner's end of its guard."""

    def __init__(self, channel: _socket.socket) -> None:
        self.channel = channel

    def take(self, lease: bytes, lock: int) -> bool:
        """Holds the lock as long as it lives, and ends what an earlier holder of the lease has left; or is gone."""
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, lock.to_bytes(4, sys.byteorder))]
        self.channel.sendmsg([lease], ancillary, _socket.MSG_NOSIGNAL)
        return self.channel.recv(2) == b"ok"


def stand_guard(channel: _socket.socket, spawner: int, warden: int) -> None:
    """Until the spawner is gone; then ends what it left."""
    leases: dict[bytes, list[int]] = {}
    while True:
        lease, fds = receive(channel)
        if not fds:
            break
        leases[lease] = fds
        sweep(lease, warden)
        tell(channel, "ok")
    os.waitpid(spawner, 0)
    for lease in leases:
        sweep(lease, warden)


def sweep(lease: bytes, warden: int) -> None:
    """Kills what runs under a lease (uid and folder), whoever started it."""
    uid, home = marshal.loads(lease)  # noqa: S302  # written by the worker
    if uid:
        kill_user(uid, warden, SIGKILL)
    else:
        kill_marked(everybody, home)
