"""What the doctor finds."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chalicelib.clock import Clock
from chalicelib.settings import Settings


class Verdict(Enum):
    """How a finding is marked, and its colour."""

    OK = ("ok", "green")
    NOTE = ("note", "yellow")
    MEND = ("MEND", "red")


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    what: str
    advice: str = ""


Check = Callable[[Settings, Clock], Finding]
