"""Shells from their start to the report of their end."""

import _signal  # type: ignore[import-not-found]  # built in, yet unknown to typeshed
import _socket
import os
import select

from chalicelib.spawner.killing import SIGKILL, SIGTERM, descendants, group_lives, kill_marked, kill_user, send
from chalicelib.spawner.messages import receive, refuse, tell
from chalicelib.spawner.starting import read_header, start_shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from chalicelib.spawner.guard import Guard
    from chalicelib.spawner.starting import Header


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


class Supervisor:
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
        data, fds = receive(self.orders)
        if len(fds) == 1:
            return self.take_lease(data, fds[0])
        if fds:
            self.start(*fds)
        return bool(fds)

    def take_lease(self, data: bytes, lock: int) -> bool:
        taken = self.guard.take(data, lock)
        os.close(lock)
        if taken:
            tell(self.orders, "ok")
        return taken

    def start(self, channel: int, output: int, order: int) -> None:
        control = _socket.socket(fileno=channel)
        try:
            header = read_header(order)
            pid = start_shell(header, channel, output, order, immune=self.immune)
        except (OSError, ValueError) as error:
            refuse(control, error)
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
