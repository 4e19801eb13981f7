"""Where the parts of a run that workers far away need lie in the objects port. All of it goes after a day.

`tmp/callbacks/` is written by workers through signed links, `tmp/exec/` and `tmp/keys/` by Millrace alone.
"""

import re
from dataclasses import dataclass

CALLBACKS = "tmp/callbacks/runs/"
KEYS = "tmp/keys/"
_RESULT, _BEGUN = "result.json", "begun"
_CALLBACK = re.compile(
    r"tmp/callbacks/runs/(?P<job>[0-9A-Za-z]{1,64})/(?P<number>\d{4,6})/(?:attempt-(?P<attempt>\d{4,9})/)?"
    r"(?P<name>result\.json|begun)"
)


@dataclass(frozen=True, slots=True)
class Callback:
    """What an object under CALLBACKS tells of. `number` 0 is the trigger of a new run; `begun` is no result."""

    job_id: str
    number: int
    attempt: int
    begun: bool


def read_callback(key: str) -> Callback | None:
    """None for a key that no worker of ours was given a link to."""
    found = _CALLBACK.fullmatch(key)
    if found is None:
        return None
    return Callback(found["job"], int(found["number"]), int(found["attempt"] or 1), found["name"] == _BEGUN)


def trigger_key(job_id: str) -> str:
    return f"{CALLBACKS}{job_id}/0000/{_RESULT}"


def result_key(job_id: str, number: int, attempt: int) -> str:
    return f"{CALLBACKS}{job_id}/{_place(number, attempt)}{_RESULT}"


def begun_key(job_id: str, number: int, attempt: int) -> str:
    """The mark that an attempt's commands were begun: written once, so that they are run once."""
    return f"{CALLBACKS}{job_id}/{_place(number, attempt)}{_BEGUN}"


def bundle_key(job_id: str, number: int) -> str:
    return f"tmp/exec/{job_id}/{number:04d}/exec.zip"


def values_key(job_id: str, number: int, attempt: int) -> str:
    return f"tmp/exec/{job_id}/{number:04d}/attempt-{attempt:04d}/values"


def order_key(job_id: str, number: int, attempt: int) -> str:
    """What the worker reads first: links to all the rest."""
    return f"tmp/exec/{job_id}/{number:04d}/attempt-{attempt:04d}/order.json"


def stop_key(job_id: str, number: int, attempt: int) -> str:
    """Its being there asks the worker to end the attempt."""
    return f"tmp/exec/{job_id}/{number:04d}/attempt-{attempt:04d}/stop"


def run_prefixes(job_id: str) -> tuple[str, ...]:
    """All that lies here of a run."""
    return f"{CALLBACKS}{job_id}/", f"tmp/exec/{job_id}/", keys_prefix(job_id)


def keys_prefix(job_id: str) -> str:
    return f"{KEYS}{job_id}/"


def secret_key(job_id: str, number: int, attempt: int) -> str:
    return f"{keys_prefix(job_id)}{number:04d}/attempt-{attempt:04d}"


def _place(number: int, attempt: int) -> str:
    return f"{number:04d}/" if attempt == 1 else f"{number:04d}/attempt-{attempt:04d}/"
