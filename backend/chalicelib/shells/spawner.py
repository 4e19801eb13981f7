"""The process that starts shells: small, single-threaded, one per worker.

It runs under a bare interpreter (`python -I -S`) on built-in modules alone. On a socket the worker hands it leases (one
file: the lock) and orders (three files: the run's own socket, the output pipe, and the order file, whose beginning, up
to its position, is a marshalled header). End of file there is the worker's death, on which everything started is
killed. On the run's socket the spawner answers `N<reason>` (not started) or `E<wait status>` (ended), and hears `T`
(ask it to end) and `K` or end of file (kill it). A child that fails to become a shell says `OSError:`, the error's
number in hexadecimal, and more, in a message each.

Its parent, the guard, outlives it just long enough to kill what it started, should it be killed itself.
"""

import _posixsubprocess
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
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    Header: TypeAlias = tuple[Sequence[str], Mapping[str, str], str, int, int, str]
    """argv, environment, working folder, uid (0: the spawner's own), number of the order file, kind of isolation."""

FILES = 4096
"""Descriptors that a process of an order may have open."""

PASSES = 20
"""Times that runaways are looked for: each pass is faster than a fork bomb grows, but none ends for sure."""

PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_SLAVE = 0x2, 0x4, 0x8, 0x4000, 0x80000
SIGKILL, SIGTERM = int(_signal.SIGKILL), int(_signal.SIGTERM)
libc = ctypes.CDLL(None, use_errno=True)
fork_exec: "Callable[..., int]" = _posixsubprocess.fork_exec


class Run:
    """A shell that was started and whose end has not been reported yet."""

    __slots__ = ("asked", "control", "heard", "home", "kind", "pid", "status", "uid")

    def __init__(self, pid: int, header: "Header", control: _socket.socket) -> None:
        self.pid = pid
        _, _, self.home, self.uid, _, self.kind = header
        self.control = control
        self.asked = False
        self.heard = True
        self.status: int | None = None


class Spawner:
    def __init__(self, orders: _socket.socket, guard: "Guard", warden: int, *, immune: bool) -> None:
        self.orders = orders
        self.guard = guard
        self.warden = warden
        self.immune = immune
        self.runs: dict[int, Run] = {}
        self.poll = select.poll()
        self.woken, wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(wake, False)
        _signal.signal(_signal.SIGCHLD, lambda *_: None)
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # Python's way with it would end us
        _signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for fd in (orders.fileno(), guard.channel.fileno(), self.woken):
            self.poll.register(fd, select.POLLIN)

    def serve(self) -> None:
        """Returns when the worker or the guard is gone. What was started is killed then."""
        alive = True
        while alive:
            ready = {fd for fd, _ in self.poll.poll()}
            if self.woken in ready:
                os.read(self.woken, 65536)
                self.collect()
            for run in [each for each in self.runs.values() if each.control.fileno() in ready]:
                self.obey(run)
            if self.orders.fileno() in ready:
                alive = self.take_request()
            alive = alive and self.guard.channel.fileno() not in ready
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
        self.guard.take(data, lock)
        os.close(lock)
        self.orders.send(b"ok", _socket.MSG_NOSIGNAL)

    def start(self, channel: int, output: int, order: int) -> None:
        control = _socket.socket(fileno=channel)
        try:
            header = read_header(order)
            pid = spawn(header, channel, output, order, immune=self.immune)
        except (OSError, ValueError) as error:
            tell(control, f"N{error}")
            control.close()
        else:
            self.runs[pid] = Run(pid, header, control)
            self.poll.register(channel, select.POLLIN)
        finally:
            os.close(output)
            os.close(order)

    def collect(self) -> None:
        """Reaps whatever ended: shells, and what they left behind, which the kernel hands to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if run := self.runs.get(pid):
                run.status = status
        for run in [each for each in self.runs.values() if each.status is not None]:
            # Asked to end, the children of a shell have the same grace as the shell itself.
            if not (run.asked and group_lives(run.pid)):
                self.finish(run)

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
        self.forget(run)
        tell(run.control, f"E{run.status}")
        run.control.close()

    def forget(self, run: Run) -> None:
        if run.heard:
            run.heard = False
            self.poll.unregister(run.control.fileno())

    def kill(self, run: Run, signal: int) -> None:
        if run.uid:
            if run.status is None:
                send(run.pid, signal)  # it may not have become the user yet
            kill_user(run.uid, self.warden, signal)
        elif run.kind == "bwrap" and signal == SIGTERM:
            # bwrap itself would die of it at once and take the commands with it, without any grace.
            for pid in descendants(run.pid):
                send(pid, signal)
        else:
            if run.status is None or group_lives(run.pid):
                send(-run.pid, signal)
            if signal == SIGKILL:
                # Whoever left the group of a dead shell descends from us now.
                kill_marked(lambda: descendants(os.getpid()), run.home)


class Guard:
    """The spawner's end of its guard."""

    def __init__(self, channel: _socket.socket) -> None:
        self.channel = channel

    def take(self, lease: bytes, lock: int) -> None:
        """The lock is held as long as the guard lives, and nothing of an earlier holder of the lease runs any more."""
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, lock.to_bytes(4, sys.byteorder))]
        self.channel.sendmsg([lease], ancillary, _socket.MSG_NOSIGNAL)
        if not self.channel.recv(2):
            raise ConnectionResetError("the guard has died")


def stand_guard(channel: _socket.socket, spawner: int, warden: int) -> None:
    """Until the spawner is gone; then ends what it left."""
    leases: dict[bytes, list[int]] = {}
    while True:
        lease, fds = receive(channel)
        if not fds:
            break
        leases[lease] = fds
        sweep(lease, warden)
        channel.send(b"ok", _socket.MSG_NOSIGNAL)
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


def spawn(header: "Header", control: int, output: int, order: int, *, immune: bool) -> int:
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
        os.close(number)


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


def everybody() -> "Iterator[int]":
    return (int(each) for each in os.listdir("/proc") if each.isdecimal())  # noqa: PTH208  # pathlib costs a megabyte


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
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    bound = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, bound))
    if processes:
        os.setgroups([])
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.umask(0o077)


def can_separate() -> bool:
    """Whether the spawner can be the first process of a namespace, which a root in a container may not be allowed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = separated_child(mount_proc)
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def separated_child(act: "Callable[[], None]") -> int:
    separate()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def separate() -> None:
    """The next child is the first process of a namespace: nothing in it can hit that child, and all die with it."""
    check(libc.unshare(CLONE_NEWPID | CLONE_NEWNS))
    check(libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None))


def mount_proc() -> None:
    check(libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None))


def check(result: int) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def main() -> None:
    """Called with the numbers of the socket and of a pipe that tells the worker when all of us are gone."""
    number, alive, warden, processes = map(int, sys.argv[1:])
    for fd in (number, alive):
        os.set_inheritable(fd, False)
    gc.disable()
    confine(processes)
    separated = warden > 0 and can_separate()
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    orders = _socket.socket(fileno=number)
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
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    Spawner(orders, Guard(ours), warden, immune=separated).serve()
