"""Orders in real shells, under every isolation that this machine offers."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chalicelib.shells import Ending, Isolation, Outcome, Shells, Stop, choose_isolation
from chalicelib.shells.isolation import USERS
from tests.shells import Trial

pytestmark = pytest.mark.integration

SERVICE = Path(__file__).resolve().parents[2] / "backend"
IS_ROOT = choose_isolation() is Isolation.USER
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can run orders as other users")
KINDS = [
    pytest.param(Isolation.USER, marks=needs_root),
    pytest.param(Isolation.BWRAP, marks=pytest.mark.skipif(not shutil.which("bwrap"), reason="bwrap is not installed")),
    Isolation.NONE,
]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Not below pytest's folders: those are closed to other users."""
    folder = Path(f"/tmp/millrace-test-{os.getpid()}-{time.monotonic_ns()}")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=KINDS)
def shells(request: Any, scratch: Path) -> Iterator[Shells]:
    with Shells(scratch, 2, request.param) as made:
        yield made


@pytest.fixture
def order(shells: Shells) -> Trial:
    return Trial(shells)


@pytest.fixture
def plain(scratch: Path) -> Iterator[Trial]:
    """For what does not depend on the isolation."""
    with Shells(scratch, 1) as shells:
        yield Trial(shells)


@pytest.fixture
def users(scratch: Path) -> Iterator[Shells]:
    with Shells(scratch, 2, Isolation.USER) as made:
        yield made


def alive(mark: str) -> bool:
    """Whether a process runs whose command line has the mark."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes().split(b"\0"):
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue
    return False


def ends(mark: str) -> bool:
    return eventually(lambda: not alive(mark))


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held


def guard_of(shells: Shells) -> int:
    return shells._link._spawner.process.pid


def spawner_of(shells: Shells) -> int:
    guard = guard_of(shells)
    return int(Path(f"/proc/{guard}/task/{guard}/children").read_text())


class TestOneOrder:
    def test_it_works(self, order: Trial) -> None:
        assert order("echo hello") == Outcome(Ending.EXITED, 0)
        assert order.output == b"hello\n"

    def test_it_begins_in_its_folder_which_is_its_home(self, order: Trial) -> None:
        order('pwd; echo "$HOME"; echo "$TMPDIR"')
        assert order.output.decode().split() == [str(order.folder)] * 3

    def test_its_folder_can_be_written(self, order: Trial) -> None:
        order("echo result > out")
        with order.shells.open_left(0, "out") as file:
            assert file.read() == b"result\n"

    def test_files_given_to_it_can_be_read_and_changed(self, order: Trial) -> None:
        (order.folder / "in").mkdir()
        (order.folder / "in" / "file").write_text("given")
        order.shells.give(0, order.folder / "in")
        assert order("cat in/file && echo more >> in/file").succeeded

    def test_it_gets_its_environment_and_nothing_of_the_service(self, order: Trial, monkeypatch: Any) -> None:
        monkeypatch.setenv("SERVICE_SECRET", "s3cret")
        order("env", GREETING="hello there")
        names = {line.partition("=")[0] for line in order.output.decode().splitlines()}
        assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
            *("GREETING", "PATH", "HOME", "TMPDIR", "LANG", "USER", "SHELL")
        }

    def test_it_has_no_descriptors_of_the_service(self, order: Trial) -> None:
        order("ls /proc/$$/fd")
        assert set(order.output.split()) <= {b"0", b"1", b"2", b"3", b"231", b"255"}

    def test_its_input_is_empty(self, order: Trial) -> None:
        assert order("cat").succeeded

    def test_it_can_gain_no_privileges_and_leaves_no_cores(self, order: Trial) -> None:
        order("grep NoNewPrivs /proc/self/status; ulimit -c; umask")
        assert order.output.split() == [b"NoNewPrivs:", b"1", b"0", b"0077"]

    def test_both_its_outputs_come_in_order(self, order: Trial) -> None:
        order("echo a; echo b >&2; echo c")
        assert order.output == b"a\nb\nc\n"

    def test_a_failure_is_told_with_its_code_and_command(self, order: Trial) -> None:
        assert order("true", "exit 3", "echo no") == Outcome(Ending.EXITED, 3, 2, "exit code 3")

    def test_orders_of_two_slots_run_at_once(self, shells: Shells) -> None:
        one, two, stop = Trial(shells, 0), Trial(shells, 1), Stop()
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(one, "sleep 30", stop=stop)
            assert two("true").succeeded
            assert not first.done()
            stop.set()


class TestCommands:
    def test_folder_and_variables_carry_over(self, plain: Trial) -> None:
        plain("cd /; export A=1; b=2", 'echo "$PWD $A $b"')
        assert plain.output == b"/ 1 2\n"

    @pytest.mark.parametrize("failing", ["false", "exit 7", "nosuchcommand", "if", "kill -KILL $$", "break; false"])
    def test_the_first_that_fails_ends_the_order(self, plain: Trial, failing: str) -> None:
        assert plain("echo one", failing, "echo three").failed_command == 2
        assert b"one" in plain.output
        assert b"three" not in plain.output

    def test_exit_0_ends_the_order_as_a_success(self, plain: Trial) -> None:
        assert plain("exit 0", "false").succeeded

    def test_break_does_not_end_the_order(self, plain: Trial) -> None:
        plain("break", "echo still here")
        assert b"still here" in plain.output

    def test_set_e_holds_within_later_commands(self, plain: Trial) -> None:
        assert plain("set -e", "false\necho no").failed_command == 2
        assert plain.output == b""

    def test_set_o_pipefail_holds_in_later_commands(self, plain: Trial) -> None:
        assert plain("set -o pipefail", "false | true").failed_command == 2

    def test_set_x_shows_the_commands_and_none_of_ours(self, plain: Trial) -> None:
        plain("set -x", "echo a", "true")
        assert b"millrace_status" not in plain.output

    def test_an_exit_trap_runs_with_its_output(self, plain: Trial) -> None:
        plain("trap 'echo bye >&2' EXIT", "false")
        assert plain.output == b"bye\n"

    def test_closing_all_descriptors_does_not_end_the_order(self, plain: Trial) -> None:
        assert plain("exec 231>&-", "echo second", "exit 4").exit_code == 4
        assert plain.output == b"second\n"

    def test_a_command_may_be_longer_than_a_command_line(self, plain: Trial) -> None:
        plain(f"echo {'x' * 300_000} | wc -c")
        assert plain.output == b"300001\n"

    def test_there_may_be_thousands(self, plain: Trial) -> None:
        assert plain(*["true"] * 3000, "false").failed_command == 3001

    def test_there_may_be_none(self, plain: Trial) -> None:
        assert plain().succeeded

    @pytest.mark.parametrize("commands", [["a\0b"], ["\ud800"]])
    def test_what_no_shell_can_be_told_is_not_started(self, plain: Trial, commands: list[str]) -> None:
        assert plain(*commands).ending is Ending.NOT_STARTED

    @pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 3_000_000])
    def test_an_environment_that_cannot_be_is_not_started(self, plain: Trial, value: str) -> None:
        assert plain("true", A=value).ending is Ending.NOT_STARTED

    def test_an_order_after_one_that_could_not_start_is_left_alone(self, plain: Trial) -> None:
        for _ in range(10):
            assert plain("true", A="x" * 3_000_000).ending is Ending.NOT_STARTED
            assert plain("true").succeeded

    def test_messages_of_the_shell_name_it_alone(self, plain: Trial) -> None:
        plain("nosuchcommand")
        assert plain.output == b"bash: line 1: nosuchcommand: command not found\n"


class TestOutput:
    def test_it_comes_while_the_order_runs(self, plain: Trial) -> None:
        came: list[float] = []
        plain.shells.run(
            0,
            commands=["echo now; sleep 0.5"],
            env={},
            timeout=9,
            on_output=lambda _: came.append(time.monotonic()),
            stop=Stop(),
        )
        assert time.monotonic() - came[0] > 0.4

    def test_it_comes_in_pieces_of_64_kilobytes_at_most(self, plain: Trial) -> None:
        sizes: list[int] = []
        plain.shells.run(
            0,
            commands=["head -c 30000000 /dev/zero"],
            env={},
            timeout=9,
            on_output=lambda piece: sizes.append(len(piece)),
            stop=Stop(),
        )
        assert sum(sizes) == 30_000_000
        assert max(sizes) <= 65536

    def test_bytes_that_are_no_text_come_as_they_are(self, plain: Trial) -> None:
        plain(r"printf '\377\000\376'")
        assert plain.output == b"\xff\x00\xfe"

    def test_who_holds_the_output_open_is_not_waited_for(self, order: Trial) -> None:
        start = time.monotonic()
        assert order("sleep 4711 & echo done").succeeded
        assert (order.output, time.monotonic() - start < 1.5, ends("4711")) == (b"done\n", True, True)

    def test_when_it_cannot_be_taken_the_order_ends(self, plain: Trial) -> None:
        def refuse(_: bytes) -> None:
            raise OSError("the disk is full")

        with pytest.raises(OSError, match="disk"):
            plain.shells.run(0, commands=["echo x; sleep 4712"], env={}, timeout=9, on_output=refuse, stop=Stop())
        assert not alive("4712")
        assert plain("sleep 0.2; echo next").succeeded


STUBBORN = "trap '' TERM; echo begun; while :; do sleep 0.1; done"
FUGITIVE = "(setsid sh -c 'trap \"\" TERM; setsid sleep 4713 & sleep 4713' &); sleep 0.1; echo begun; sleep 4713"


class TestEndedFromOutside:
    @pytest.mark.parametrize("command", ["echo begun; sleep 4713", STUBBORN, FUGITIVE, f"({STUBBORN})"])
    def test_a_timeout_ends_everything_within_two_seconds(self, order: Trial, command: str) -> None:
        start = time.monotonic()
        outcome = order("true", command, timeout=0.5)
        assert (outcome.ending, outcome.exit_code, outcome.failed_command) == (Ending.TIMED_OUT, None, 2)
        assert time.monotonic() - start < 2.5
        assert order.output.startswith(b"begun\n")
        assert ends("4713")

    def test_a_stop_ends_it(self, order: Trial) -> None:
        stop = Stop()
        threading.Timer(0.3, stop.set).start()
        start = time.monotonic()
        assert order("sleep 4714", stop=stop).ending is Ending.STOPPED
        assert time.monotonic() - start < 1.3
        assert ends("4714")

    def test_what_is_stopped_before_it_begins_does_not_begin(self, plain: Trial) -> None:
        stop = Stop()
        stop.set()
        assert plain("touch begun", stop=stop).ending is Ending.STOPPED
        assert not (plain.folder / "begun").exists()

    def test_it_may_say_farewell(self, order: Trial) -> None:
        order("trap 'echo farewell; exit 0' TERM; echo begun; sleep 4715 & wait", timeout=0.4)
        assert order.output == b"begun\nfarewell\n"

    def test_the_children_of_a_shell_may_say_farewell(self, plain: Trial) -> None:
        plain("(trap 'sleep 0.2; echo farewell; exit' TERM; while :; do sleep 0.05; done); true", timeout=0.4)
        assert b"farewell" in plain.output

    def test_a_signal_that_kills_the_shell_is_told(self, plain: Trial) -> None:
        assert plain("kill -SEGV $$") == Outcome(Ending.SIGNALLED, 139, 1, "killed by SIGSEGV")

    def test_the_slot_works_afterwards(self, order: Trial) -> None:
        order(STUBBORN, timeout=0.1)
        assert order("echo again").succeeded

    @needs_root
    def test_a_fork_bomb_is_bounded_and_ended(self, scratch: Path) -> None:
        with Shells(scratch, 1, Isolation.USER, processes=64) as shells:
            bomb = Trial(shells)
            start = time.monotonic()
            assert bomb("b() { b | b & }; b 2>/dev/null; sleep 5", timeout=0.5).ending is Ending.TIMED_OUT
            assert time.monotonic() - start < 2.5
            assert bomb("true").succeeded


@needs_root
class TestUsers:
    def test_an_order_is_an_unprivileged_user_without_groups(self, users: Shells) -> None:
        order = Trial(users)
        order("id -u; id -G; grep CapPrm /proc/self/status")
        user, groups, _, capabilities = order.output.split()
        assert int(user) in USERS
        assert (groups, int(capabilities, 16)) == (user, 0)

    def test_an_order_cannot_become_root_again(self, users: Shells) -> None:
        order = Trial(users)
        order("grep -E '^[UG]id' /proc/self/status")
        assert set(order.output.split()) - {b"Uid:", b"Gid:"} == {order.folder.name.encode()}

    def test_each_slot_has_its_own_user(self, users: Shells) -> None:
        assert Trial(users, 0).folder.stat().st_uid != Trial(users, 1).folder.stat().st_uid

    def test_two_services_never_share_a_user(self, users: Shells, scratch: Path) -> None:
        with Shells(scratch / "other", 1, Isolation.USER) as others:
            assert Trial(users, 0).folder.stat().st_uid != Trial(others, 0).folder.stat().st_uid

    def test_the_files_of_another_order_cannot_be_read(self, users: Shells) -> None:
        one, two = Trial(users, 0), Trial(users, 1)
        assert one("echo secret > file; chmod 666 file").succeeded
        assert two(f"cat {one.folder}/file").exit_code == 1
        assert b"Permission denied" in two.output

    def test_the_environment_of_another_order_cannot_be_read(self, users: Shells) -> None:
        one, two = Trial(users, 0), Trial(users, 1)
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(one, "sleep 1.2", SECRET="s3cret")
            time.sleep(0.5)
            two("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; true")
            running.result()
        assert b"HOME=" in two.output
        assert b"s3cret" not in two.output

    def test_the_commands_of_another_order_are_not_on_any_command_line(self, users: Shells) -> None:
        one, two = Trial(users, 0), Trial(users, 1)
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(one, ": s3cret; sleep 1")
            time.sleep(0.4)
            two("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")
            running.result()
        assert b"mapfile" in two.output
        assert b"s3cret" not in two.output

    def test_an_order_sees_no_processes_but_its_own(self, users: Shells) -> None:
        order = Trial(users)
        order("ls -d /proc/[0-9]* | wc -l; ls -d /proc/$$")
        shown, own = order.output.split()
        assert (int(shown) <= 3, own.startswith(b"/proc/")) == (True, True)

    def test_an_order_can_hit_neither_others_nor_what_starts_them(self, users: Shells) -> None:
        one, two = Trial(users, 0), Trial(users, 1)
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(one, "sleep 0.3; echo unharmed")
            for _ in range(20):
                two("kill -INT 1; kill -9 -1; kill -9 1")
            assert running.result().succeeded

    def test_what_ran_away_is_dead_when_the_next_order_begins(self, users: Shells) -> None:
        order = Trial(users)
        loop = "while :; do kill -9 -1; (setsid sleep 4716 &); done"
        order(f"(setsid sh -c '{loop}' 4716 >/dev/null 2>&1 &); sleep 0.2", timeout=1)
        assert ends("4716")
        assert order("sleep 0.1; echo unharmed").succeeded

    def test_files_left_where_everyone_writes_are_gone_for_the_next(self, users: Shells) -> None:
        order = Trial(users)
        mark = Path(f"/tmp/left-{time.monotonic_ns()}")
        order(
            f"mkdir -p {mark}/deep; echo s3cret > {mark}/deep/file; ln -s /etc {mark}-link; touch /dev/shm/{mark.name}"
        )
        users.clear(0)
        left = [mark.exists(), os.path.lexists(f"{mark}-link"), Path("/dev/shm", mark.name).exists()]
        assert left == [False, False, False]

    def test_what_a_crashed_service_left_under_a_user_is_removed(self, scratch: Path) -> None:
        with Shells(scratch / "first", 1, Isolation.USER) as shells:
            left = Trial(shells).folder
            user = left.stat().st_uid
        left.mkdir()
        os.chown(left, user, user)
        with Shells(scratch / "second", 1, Isolation.USER) as shells:
            same = Trial(shells).folder.stat().st_uid == user
        assert left.exists() is not same


class TestDeaths:
    @pytest.mark.parametrize("victim", [guard_of, spawner_of])
    def test_a_killed_spawner_takes_its_orders_along_and_is_replaced(
        self, shells: Shells, victim: Callable[[Shells], int]
    ) -> None:
        order = Trial(shells)
        threading.Timer(0.3, os.kill, (victim(shells), signal.SIGKILL)).start()
        assert order("setsid sleep 4717 & (setsid sleep 4717 &); sleep 4717").ending is Ending.LOST
        assert ends("4717")
        assert order("echo again").succeeded

    def test_a_spawner_killed_between_orders_goes_unnoticed(self, order: Trial) -> None:
        order("true")
        os.kill(spawner_of(order.shells), signal.SIGKILL)
        assert order("true").ending in (Ending.EXITED, Ending.LOST)
        assert order("true").succeeded

    def test_closing_ends_what_runs(self, scratch: Path) -> None:
        shells = Shells(scratch, 1)
        order = Trial(shells)
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(order, "sleep 4718")
            time.sleep(0.3)
            shells.close()
            assert running.result().ending is Ending.LOST
        assert not alive("4718")

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_killed_worker_takes_its_orders_along(self, kind: Isolation, scratch: Path) -> None:
        worker, _ = start_worker(scratch, kind)
        assert alive("4719")
        worker.kill()
        worker.communicate()
        assert ends("4719")

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_killed_worker_and_spawner_take_their_orders_along(self, kind: Isolation, scratch: Path) -> None:
        worker, guard = start_worker(scratch, kind)
        os.kill(guard, signal.SIGKILL)
        worker.kill()
        worker.communicate()
        assert ends("4719")

    @needs_root
    @pytest.mark.skipif(not shutil.which("setpriv"), reason="without setpriv privileges cannot be given up")
    def test_a_root_that_may_not_make_namespaces_ends_its_orders_too(self, scratch: Path) -> None:
        worker, guard = start_worker(scratch, Isolation.USER, *("setpriv", "--bounding-set", "-sys_admin"))
        os.kill(int(Path(f"/proc/{guard}/task/{guard}/children").read_text()), signal.SIGKILL)
        assert ends("4719")
        worker.kill()
        worker.communicate()


def start_worker(scratch: Path, kind: Isolation, *front: str) -> tuple[subprocess.Popen[bytes], int]:
    """A worker in the middle of an order, and the process that guards what it started."""
    command = [*front, sys.executable, "-c", WORKER, scratch, kind]
    worker = subprocess.Popen(command, cwd=SERVICE, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    return worker, int(worker.stdout.readline())


WORKER = """
import sys
from pathlib import Path
from chalicelib.shells import Isolation, Shells, Stop
shells = Shells(Path(sys.argv[1]), 1, Isolation(sys.argv[2]))
shells.prepare(0)
command = "(setsid sh -c 'setsid sleep 4719 & sleep 4719' &); sleep 0.2; echo begun; sleep 4719"
tell = lambda _: print(shells._link._spawner.process.pid, flush=True)
shells.run(0, commands=[command], env={}, timeout=60, on_output=tell, stop=Stop())
"""


class TestSpawner:
    def test_it_is_small(self, order: Trial) -> None:
        order("true")
        status = Path(f"/proc/{spawner_of(order.shells)}/status").read_text()
        kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert kilobytes <= 10_500

    def test_it_leaves_no_descriptors_behind(self, plain: Trial) -> None:
        plain("true")
        folders = [Path(f"/proc/{pid}/fd") for pid in (os.getpid(), spawner_of(plain.shells))]
        before = [len(list(folder.iterdir())) for folder in folders]
        for _ in range(20):
            plain("true")
        # Other tests' connections may be closed meanwhile.
        assert eventually(
            lambda: all(len(list(folder.iterdir())) <= most for folder, most in zip(folders, before, strict=True))
        )
