"""The processes that render, seen from outside."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chalicelib.generation.templates.model import Program, RenderItem
from chalicelib.generation.templates.rendering import Renderer

pytestmark = pytest.mark.integration

HOLD = """
import sys, time
from chalicelib.generation.templates.model import Program, RenderItem
from chalicelib.generation.templates.rendering import Renderer
renderer = Renderer(processes=1)
renderer.render(Program({"a": "x"}), "a", [RenderItem({}, 0)])
print("ready", flush=True)
time.sleep(60)
"""

PROGRAM = Program({"a": "{{ n }}"})


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_gone(pid):
    for _ in range(100):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def holder():
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, env={"PYTHONPATH": "backend"}
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_it_ends_with_whoever_started_it(holder):
    [child] = children(holder.pid)
    holder.send_signal(signal.SIGKILL)
    assert is_gone(child)


def test_it_knows_nothing_of_the_environment(holder):
    [child] = children(holder.pid)
    assert Path(f"/proc/{child}/environ").read_bytes() == b""


def test_it_has_limits(holder):
    [child] = children(holder.pid)
    limits = {
        line[:26].strip(): line[26:].split()[0] for line in Path(f"/proc/{child}/limits").read_text().splitlines()
    }
    assert limits["Max address space"] == "400000000"
    assert (limits["Max file size"], limits["Max core file size"]) == ("0", "0")


@pytest.fixture
def killed():
    """A renderer whose process was killed while nobody used it."""
    others = set(children(os.getpid()))
    renderer = Renderer(processes=1)
    assert renderer.render(PROGRAM, "a", [RenderItem({"n": 1}, 0)])[0].prompt == "1"
    [mine] = set(children(os.getpid())) - others
    os.kill(mine, signal.SIGKILL)
    assert is_gone(mine)
    yield renderer
    renderer.close()


def test_one_that_was_killed_is_replaced(killed):
    assert killed.render(PROGRAM, "a", [RenderItem({"n": 2}, 0)])[0].prompt == "2"


def test_a_template_is_not_blamed_for_one_that_was_killed(killed):
    assert killed.check(PROGRAM).required == ("n",)


def test_what_it_includes_is_found_after_one_was_killed(killed):
    assert killed.references({"a": "{% include 'b' %}"}) == ["b"]
