"""How the interpreter is set in processes that live long and run many threads."""

import gc
import sys

HANDOVER = 0.0005
"""Seconds a thread of a worker computes while others wait to. Python's 5 ms are felt at each return from the disk."""


def tune() -> None:
    """To be called once all is imported: what was imported stays, and what requests make is freed by counting."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def hand_over_soon() -> None:
    """For few threads of which one brings a job on, and not for many that are alike: they would only switch more."""
    sys.setswitchinterval(HANDOVER)
