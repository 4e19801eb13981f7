"""A child that ends with its parent, however the parent ends.

`python -m chalicelib.lifeline PARENT MODULE` runs a module so: it is sent SIGTERM when the process PARENT is gone.
"""

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def follow(parent: int, last: signal.Signals) -> None:
    """Have the kernel send this process `last` when its parent dies. Where no kernel offers that, nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, last)
    if os.getppid() != parent:
        # It died before we asked.
        os.kill(os.getpid(), last)


if __name__ == "__main__":
    follow(int(sys.argv[1]), signal.SIGTERM)
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
