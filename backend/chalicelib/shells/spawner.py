"""The process that starts shells: small, single-threaded, one per worker.

It runs under a bare interpreter (`python -I -S`) on built-in modules alone. On a socket the worker hands it leases (one
file: the lock) and orders (three files: the run's own socket, the output pipe, and the order file, whose beginning, up
to its position, is a marshalled header). End of file there is the worker's death, on which everything started is
killed. On the run's socket the spawner answers `N<reason>` (not started) or `E<wait status>` (ended), and hears `T`
(ask it to end) and `K` or end of file (kill it).

Should the spawner itself be killed, its guard, a child that does nothing else, kills what it started.
"""

import _signal  # type: ignore[import-not-found]  # built in, yet unknown to typeshed; `signal` costs half a megabyte
import _socket
import ctypes
import gc
import marshal
import os
import resource
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn, TypeAlias

    Header: TypeAlias = tuple[Sequence[str], Mapping[str, str], str, int, int, str]
    """argv, environment, working folder, uid (0: the spawner's own), number of the order file, kind of isolation."""

FILES = 4096
"""Descriptors that a process of an order may have open."""

PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
SIGKILL, SIGTERM = int(_signal.SIGKILL), int(_signal.SIGTERM)
RESET = tuple(int(each) for each in (_signal.SIGPIPE, _signal.SIGXFSZ, _signal.SIGCHLD))
"""Signals that Python handles its own way, and shells must not inherit so."""


class Run:
    """A shell that was started and whose end has not been reported yet."""

    __slots__ = ("asked", "control", "heard", "home", "kind", "pid", "status", "uid")

    def __init__(self, pid: int, uid: int, home: str, kind: str, control: _socket.socket) -> None:
        self.pid = pid
        self.uid = uid
        self.home = home
        self.kind = kind
        self.control = control
        self.asked = False
        self.heard = True
        self.status: int | None = None


class Spawner:
    def __init__(self, orders: _socket.socket, guard: "Guard", warden: int) -> None:
        self.orders = orders
        self.guard = guard
        self.warden = warden
        self.runs: dict[int, Run] = {}
        self.poll = select.poll()
        self.woken, wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(wake, False)
        _signal.signal(_signal.SIGCHLD, lambda *_: None)
        _signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for fd in (orders.fileno(), self.woken):
            self.poll.register(fd, select.POLLIN)

    def serve(self) -> None:
        """Returns when the worker or the guard is gone. What was started is killed then."""
        alive = True
        while alive:
            ready = {fd for fd, _ in self.poll.poll()}
            if self.woken in ready:
                os.read(self.woken, 65536)
                alive = self.collect()
            for run in [each for each in self.runs.values() if each.control.fileno() in ready]:
                self.obey(run)
            if self.orders.fileno() in ready:
                alive = self.take_request() and alive
        for run in self.runs.values():
            self.kill(run, SIGKILL)

    def take_request(self) -> bool:
        try:
            data, fds = receive(self.orders)
        except ConnectionResetError:
            return False
        if len(fds) == 1:
            self.take_lease(data, fds[0])
        elif fds:
            self.start(*fds)
        return bool(fds)

    def take_lease(self, data: bytes, lock: int) -> None:
        """Nothing of an earlier holder runs afterwards, and the lock is held until nothing of us does."""
        self.guard.take(data, lock)
        os.close(lock)
        sweep(data, self.warden)
        self.orders.send(b"ok", _socket.MSG_NOSIGNAL)

    def start(self, channel: int, output: int, order: int) -> None:
        control = _socket.socket(fileno=channel)
        try:
            argv, env, home, uid, number, kind = read_header(order)
            pid = spawn(argv, env, home, uid, ((output, 1), (output, 2), (order, number)))
        except (OSError, ValueError) as error:
            tell(control, f"N{error}")
            control.close()
        else:
            self.runs[pid] = Run(pid, uid, home, kind, control)
            self.poll.register(channel, select.POLLIN)
        finally:
            os.close(output)
            os.close(order)

    def collect(self) -> bool:
        """Reaps whatever ended: shells, and what they left behind, which the kernel hands to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                break
            if pid == self.guard.pid:
                return False
            if run := self.runs.get(pid):
                run.status = status
        for run in [each for each in self.runs.values() if each.status is not None]:
            # Asked to end, the children of a shell have the same grace as the shell itself.
            if not (run.asked and group_lives(run.pid)):
                self.finish(run)
        return True

    def obey(self, run: Run) -> None:
        try:
            word = run.control.recv(1)
        except ConnectionResetError:
            word = b""
        if word == b"T":
            run.asked = True
            self.kill(run, SIGTERM)
            return
        run.asked = False
        if run.status is not None:
            self.finish(run)
            return
        self.kill(run, SIGKILL)
        if not word:
            self.forget(run)  # an end of file would wake us for ever

    def finish(self, run: Run) -> None:
        self.kill(run, SIGKILL)
        del self.runs[run.pid]
        tell(run.control, f"E{run.status}")
        self.forget(run)
        run.control.close()

    def forget(self, run: Run) -> None:
        if run.heard:
            run.heard = False
            self.poll.unregister(run.control.fileno())

    def kill(self, run: Run, signal: int) -> None:
        if run.uid:
            kill_user(run.uid, self.warden, signal)
        elif run.kind == "bwrap" and signal == SIGTERM:
            # bwrap itself would die of it at once and take the commands with it, without any grace.
            for pid in descendants(run.pid):
                send(pid, signal)
        else:
            if run.status is None or group_lives(run.pid):
                send(-run.pid, signal)
            if signal == SIGKILL:
                # Whoever left the group of a dead shell is our child now.
                kill_marked([pid for pid in children(os.getpid()) if pid not in self.runs], run.home)


class Guard:
    """The spawner's end of its guard."""

    def __init__(self, pid: int, channel: _socket.socket) -> None:
        self.pid = pid
        self.channel = channel

    def take(self, data: bytes, lock: int) -> None:
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, lock.to_bytes(4, sys.byteorder))]
        self.channel.sendmsg([data], ancillary, _socket.MSG_NOSIGNAL)


def fork_guard(orders: _socket.socket, warden: int) -> Guard:
    """Before anything else runs: a child that outlives us just long enough to kill what we leave."""
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        ours.close()
        orders.close()
        stand_guard(theirs, warden)
    theirs.close()
    return Guard(pid, ours)


def stand_guard(channel: _socket.socket, warden: int) -> "NoReturn":
    try:
        leases: dict[bytes, list[int]] = {}
        while True:
            data, fds = receive(channel)
            if not fds:
                break
            leases[data] = fds
        for lease in leases:
            sweep(lease, warden)
    finally:
        os._exit(0)


def sweep(lease: bytes, warden: int) -> None:
    """Kills what runs under a lease (uid and folder), whoever started it."""
    uid, home = marshal.loads(lease)  # noqa: S302  # written by the worker
    if uid:
        kill_user(uid, warden, SIGKILL)
    else:
        kill_marked([int(each) for each in os.listdir("/proc") if each.isdecimal()], home)  # noqa: PTH208


def spawn(
    argv: "Sequence[str]", env: "Mapping[str, str]", home: str, uid: int, files: "Sequence[tuple[int, int]]"
) -> int:
    """Starts the shell by vfork, which is twice as fast as a fork of even this process, but knows no change of user.

    So we are the user ourselves for that moment, in which nothing else runs under it; exec makes the change final.
    """
    actions = [(os.POSIX_SPAWN_DUP2, have, want) for have, want in files]
    try:
        if uid:
            os.setresgid(uid, uid, 0)
            os.setresuid(uid, uid, 0)
        os.chdir(home)
        return os.posix_spawn(argv[0], tuple(argv), env, file_actions=actions, setsid=True, setsigdef=RESET)
    finally:
        if uid:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)


def read_header(order: int) -> "Header":
    """The part of the order file before its position, which is left where the shell begins to read."""
    length = os.lseek(order, 0, os.SEEK_CUR)
    header: Header = marshal.loads(os.pread(order, length, 0))  # noqa: S302  # written by the worker
    return header


def tell(control: _socket.socket, words: str) -> None:
    try:  # noqa: SIM105  # contextlib costs half a megabyte
        control.send(words.encode(errors="replace")[:1000], _socket.MSG_NOSIGNAL)
    except OSError:
        pass  # the worker does not want to know any more


def receive(sock: _socket.socket) -> tuple[bytes, list[int]]:
    data, ancillary, _, _ = sock.recvmsg(8192, _socket.CMSG_SPACE(3 * 4), _socket.MSG_CMSG_CLOEXEC)
    return data, [fd for _, _, part in ancillary for fd in memoryview(part).cast("i").tolist()]


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


def kill_marked(pids: "Sequence[int]", home: str) -> None:
    """Without a user of its own or a namespace, what ran away from an order is known by its folder."""
    mark = b"=" + os.fsencode(home) + b"\0"
    for pid in pids:
        if mark in contents(f"/proc/{pid}/environ"):
            send(pid, SIGKILL)


def send(pid: int, signal: int) -> None:
    try:  # noqa: SIM105  # contextlib costs half a megabyte
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


def children(pid: int) -> list[int]:
    return [int(each) for each in contents(f"/proc/{pid}/task/{pid}/children").split()]


def descendants(pid: int) -> list[int]:
    found = children(pid)
    for each in found:
        found += children(each)
    return found


def contents(path: str) -> bytes:
    try:
        with open(path, "rb", 0) as file:  # noqa: PTH123  # pathlib costs a megabyte
            return file.read()
    except OSError:
        return b""


def confine(processes: int) -> None:
    """What every shell inherits: no privileges to gain, no core dumps, bounds, private files."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    bound = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, bound))
    if processes:
        os.setgroups([])
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.umask(0o077)


def main() -> None:
    """Called with the numbers of the socket and of a pipe that tells the worker when all of us are gone."""
    number, alive, warden, processes = map(int, sys.argv[1:])
    for fd in (number, alive):
        os.set_inheritable(fd, False)
    confine(processes)
    gc.disable()
    orders = _socket.socket(fileno=number)
    Spawner(orders, fork_guard(orders, warden), warden).serve()
