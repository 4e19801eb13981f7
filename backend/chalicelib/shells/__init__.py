"""Running the commands of orders in shells: isolated, ended as a whole, and started fast.

Knows nothing of jobs. A worker has one `Shells`, each slot of which is used by one thread at a time: `prepare`, put
files into the folder and `give` them, `run`, `open_left` what is to be kept, `clear`.
"""

import grp
import marshal
import os
import pwd
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from chalicelib.shells import scratch as folders
from chalicelib.shells.isolation import USERS, Isolation, bwrap_command, choose_isolation
from chalicelib.shells.leases import Lease, NoneLeft, UnsafeFolder, own_folder, take_lease
from chalicelib.shells.link import Link
from chalicelib.shells.masking import Masker
from chalicelib.shells.plain import PlainLink
from chalicelib.shells.running import BUSY, Ending, Outcome, Stop, Watch, where
from chalicelib.shells.scratch import SharedFolders, default_scratch
from chalicelib.shells.script import write_script

__all__ = [
    "Ending",
    "Isolation",
    "Masker",
    "NoneLeft",
    "Outcome",
    "Shells",
    "Stop",
    "UnsafeFolder",
    "choose_isolation",
    "default_scratch",
    "where",
]

LINUX = sys.platform == "linux"
PROCESSES = 2048
"""Generous for builds, and the end of a fork bomb."""
_ROOM, _PAUSE = 2.0, 0.02
"""Seconds to wait for room for another process, and between looks: thousands that were killed take time to go."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Slot:
    lease: Lease
    user: int
    """0: the orders of this slot run as the service's own user."""
    folder: Path
    shared: SharedFolders
    front: tuple[str, ...]
    """The command line in front of the shell's."""


class Shells:
    def __init__(
        self,
        scratch: Path,
        slots: int,
        isolation: Isolation | None = None,
        hide: Sequence[Path] = (),
        *,
        processes: int = PROCESSES,
        plain: bool = not LINUX,
        kept: Sequence[int] = (),
    ) -> None:
        """`hide`: folders that orders must not see under BWRAP; under USER their permissions keep orders out.

        `processes`: how many the user of a slot may have at a time, under USER. `plain`: what every system can.
        `kept`: files that stay open until nothing we started runs any more, even when we are killed.
        """
        self._plain = plain
        self.isolation = Isolation.NONE if plain else isolation or choose_isolation()
        self._scratch = scratch.absolute()
        self._hide = hide
        self._by_user = self.isolation is Isolation.USER
        own_folder(self._scratch, 0o711 if self._by_user else 0o700)
        self._slots: list[Slot | None] = [None] * slots
        self._spoiled: set[int] = set()
        self._lock = threading.Lock()
        self._warden = self._lease() if self._by_user else None
        self._link = _link(self._warden, processes, kept, plain=plain)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kills what still runs and gives everything back."""
        self._link.close()
        for slot in filter(None, self._slots):
            folders.remove(slot.folder)
            slot.lease.release()
        if self._warden:
            self._warden.release()
        self._slots = []

    def prepare(self, slot: int) -> Path:
        """A fresh, empty folder of the slot, for input files and then for the order."""
        held = self._slots[slot]
        if held is None or slot in self._spoiled:
            held = self._open_slot(slot)
        folders.make_empty(held.folder, held.user)
        return held.folder

    def give(self, slot: int, path: Path) -> None:
        """Hands what was put at and below `path` in the slot's folder over to the slot's orders."""
        folders.give(path, self._held(slot).user)

    def open_left(self, slot: int, name: str) -> BinaryIO:
        """A file that the order left. Raises FileNotFoundError, or UnsafeFolder for a name that leads elsewhere."""
        held = self._held(slot)
        return folders.open_left(held.folder, name, held.user)

    def clear(self, slot: int) -> None:
        """Removes what is in the slot's folder, and what its user left where everyone may write."""
        held = self._held(slot)
        if not folders.is_empty(held.folder, held.user):
            folders.remove(held.folder)
        if held.user:
            held.shared.clean()

    def run(
        self,
        slot: int,
        *,
        commands: Sequence[str],
        env: Mapping[str, str],
        timeout: float,
        on_output: Callable[[bytes], None],
        stop: Stop,
    ) -> Outcome:
        """Runs the commands in one shell until the first that fails, and returns once nothing of them runs any more.

        `on_output` gets what they print as it comes, in chunks of at most 64 KB, on the calling thread. The
        environment is `env` over PATH, HOME, TMPDIR, LANG and USER, and nothing else.
        """
        start = time.monotonic()
        while not stop.is_set():
            outcome = self._try(slot, commands, env, deadline=start + timeout, on_output=on_output, stop=stop)
            if outcome.detail != BUSY or time.monotonic() > start + min(timeout, _ROOM):
                return outcome
            time.sleep(_PAUSE)
        return Outcome(Ending.STOPPED, detail="stopped before it began")

    def _try(
        self,
        slot: int,
        commands: Sequence[str],
        env: Mapping[str, str],
        *,
        deadline: float,
        on_output: Callable[[bytes], None],
        stop: Stop,
    ) -> Outcome:
        try:
            order, size = self._order_file(self._held(slot), commands, env)
        except ValueError as error:
            return Outcome(Ending.NOT_STARTED, detail=f"the commands or the environment cannot be passed on: {error}")
        with ExitStack() as stack:
            stack.callback(os.close, order)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET if LINUX else socket.SOCK_DGRAM)
            stack.enter_context(ours)
            output, sink = os.pipe()
            stack.callback(os.close, output)
            felt = stack.enter_context(stop.felt())
            with theirs:
                try:
                    spawner = self._link.send((theirs.fileno(), sink, order))
                finally:
                    os.close(sink)
            outcome = self._watched(slot, Watch(ours, output, felt, deadline, on_output))
            if outcome.ending is Ending.LOST:
                self._link.mend(spawner)
            return _with_failed_command(outcome, os.lseek(order, 0, os.SEEK_CUR) - size, len(commands))

    def _watched(self, slot: int, watch: Watch) -> Outcome:
        try:
            return watch.until_end()
        except BaseException:
            watch.kill()
            raise
        finally:
            if watch.gave_up:
                self._spoiled.add(slot)

    def _order_file(self, held: Slot, commands: Sequence[str], env: Mapping[str, str]) -> tuple[int, int]:
        """The file with the header and what the shell reads, positioned between the two; its size."""
        if any("\0" in each for each in commands):
            raise ValueError("a NUL character in a command")
        script = write_script(commands, plain=self._plain)
        home = str(held.folder)
        kind = self.isolation.value
        argv = [*held.front, *script.argv]
        whole = {
            "PATH": SEARCH_PATH,
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            "USER": "millrace",
            "SHELL": "/bin/sh",
            **env,
        }
        header = marshal.dumps((argv, whole, home, held.user, script.fd, kind))
        order = _memory_file()
        os.write(order, header + script.body)
        os.lseek(order, len(header), os.SEEK_SET)
        return order, len(header) + len(script.body)

    def _held(self, slot: int) -> Slot:
        held = self._slots[slot]
        if held is None:
            raise ValueError(f"slot {slot} has not been prepared")
        return held

    def _open_slot(self, slot: int) -> Slot:
        with self._lock:
            lease = self._lease()
            user = lease.number if self._by_user else 0
            folder = self._scratch / str(lease.number)
            self._link.adopt(lease.lock, user, folder)
            front = tuple(bwrap_command(folder, self._hide)) if self.isolation is Isolation.BWRAP else ()
            self._spoiled.discard(slot)
            self._slots[slot] = held = Slot(lease, user, folder, SharedFolders.of(user), front)
        before = lease.note(folder)
        if user:
            held.shared.clean()
            if before and folders.belongs_to(before, user):
                folders.remove(before)
        return held

    def _lease(self) -> Lease:
        if not self._by_user:
            return take_lease(self._scratch / "leases", range(len(USERS)))
        locks = Path("/run/lock")
        root = locks if locks.is_dir() else Path(tempfile.gettempdir())
        return take_lease(root / "millrace-users", filter(_is_free, USERS))


def _link(warden: Lease | None, processes: int, kept: Sequence[int], *, plain: bool) -> Link | PlainLink:
    if plain:
        return PlainLink()
    return Link(warden.number, processes, kept) if warden else Link(0, 0, kept)


def _memory_file() -> int:
    if LINUX:
        return os.memfd_create("order")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _is_free(user: int) -> bool:
    return not _known(pwd.getpwuid, user) and not _known(grp.getgrgid, user)


def _known(look_up: Callable[[int], object], number: int) -> bool:
    try:
        look_up(number)
    except KeyError:
        return False
    return True


def _with_failed_command(outcome: Outcome, passed: int, count: int) -> Outcome:
    if outcome.succeeded or outcome.ending in (Ending.NOT_STARTED, Ending.LOST) or not count:
        return outcome
    # The position is moved by the shell, and so by whoever writes to its descriptor.
    return replace(outcome, failed_command=min(max(passed, 0), count - 1) + 1)
