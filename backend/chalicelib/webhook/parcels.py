"""What is posted, read out of its wrappings: the protocol's own fields, or a delivery of GitHub."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from chalicelib.bodies import read_json
from chalicelib.errors import Fault, Invalid, Unprocessable
from chalicelib.jobs.flows import TRACE
from chalicelib.jobs.submission import MAX_TEXT, JobRequest, parse_request
from chalicelib.validation import parse
from chalicelib.yamltext import read_yaml

_ENCODED = MAX_TEXT * 4 // 3 + 4
_PLAIN = str.maketrans({"-": "+", "_": "/", " ": None, "\t": None, "\r": None, "\n": None})
"""Both alphabets, and lines that are broken, as base64 itself breaks them."""
PULL_REQUEST_ACTIONS = frozenset({"opened", "reopened", "synchronize"})


class WebhookRequest(BaseModel):
    """The fields of the protocol."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    job_parameters_b64: Annotated[str, Field(max_length=_ENCODED)] = Field(
        description="Base64 of the job, in JSON or YAML: `username`, `orders` and all else that POST /api/jobs takes."
    )
    trace_id: Annotated[str, StringConstraints(pattern=rf"^{TRACE}(:[0-9]{{1,12}})?$")] | None = Field(
        None, description="Eight hexadecimal digits that jobs of one flow share, or a leg of it; made up if left out."
    )
    run_id: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z]{8,64}$")] | None = Field(
        None, description="The job's id. Posted again with the same body, it gets the first answer."
    )
    done_endpt: (
        Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")] | None
    ) = Field(None, description="Where the end of the job is told: https://..., or s3://... on AWS.")


_REQUEST = TypeAdapter(WebhookRequest)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job that is wanted, all of it checked."""

    posted: WebhookRequest
    job: JobRequest

    @property
    def trace_id(self) -> str:
        return (self.posted.trace_id or "").partition(":")[0]


@dataclass(frozen=True, slots=True)
class Nothing:
    """A delivery that asks for no job; `why` says so to whoever looks for it."""

    why: str


def unwrap(body: bytes, event: str, hook_job: str, *, comments: bool) -> Wanted | Nothing:
    """`event` is GitHub's name of it, empty for a call of another kind; `hook_job` is what such events run.

    `comments`: the hook has a token, so that a pull request can be told. Raises Invalid with all faults.
    """
    data = read_json(body)
    if not isinstance(data, dict):
        raise Invalid("The body must be an object.")
    if "job_parameters_b64" in data or not event:
        return wanted(data)
    if event == "ping":
        return Nothing("pong")
    if event == "repository_dispatch":
        payload = data.get("client_payload")
        return wanted(payload if isinstance(payload, dict) else {})
    return _of_github(data, event, hook_job, comments=comments)


def wanted(fields: Mapping[str, Any]) -> Wanted:
    faults: list[Fault] = []
    posted = job = None
    try:
        posted = parse(_REQUEST, fields, what="The body")
    except Invalid as refusal:
        faults += refusal.faults
    encoded = fields.get("job_parameters_b64")
    try:
        job = _job(encoded) if isinstance(encoded, str) and len(encoded) <= _ENCODED else None
    except Invalid as refusal:
        faults += refusal.faults or [Fault("job_parameters_b64", refusal.detail)]
    if posted is None or job is None or faults:
        raise Invalid("What was posted has faults.", faults)
    if posted.done_endpt:
        job = job.model_copy(update={"done_endpt": posted.done_endpt})
    return Wanted(posted, job)


def _job(encoded: str) -> JobRequest:
    try:
        content = base64.b64decode(encoded.translate(_PLAIN), validate=True)
        text = content.decode()
    except (binascii.Error, ValueError):
        raise Invalid("It must be base64 of UTF-8 text.") from None
    return parse_request(_read(text))


def _read(text: str) -> object:
    """JSON where it is JSON, else YAML."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return read_yaml(text)
    return read_json(text.encode())


def _of_github(data: Mapping[str, Any], event: str, hook_job: str, *, comments: bool) -> Wanted | Nothing:
    """The hook's own job, told what it is about where it does not say so itself."""
    if event not in ("push", "pull_request"):
        return Nothing(f"nothing is done on {event[:50]}")
    if why := _not_worth_it(data, event):
        return Nothing(why)
    if not hook_job.strip():
        raise Unprocessable(f"No job is set up for {event}: keep one in the webhook's settings, or send its own.")
    given = read_yaml(hook_job)
    facts = {name: value for name, value in _facts(data, event, comments=comments).items() if value}
    text = orjson.dumps({**facts, **given})
    return wanted({"job_parameters_b64": base64.b64encode(text).decode()})


def _not_worth_it(data: Mapping[str, Any], event: str) -> str:
    if event == "push":
        return "nothing is done when a branch is deleted" if data.get("deleted") is True else ""
    if data.get("action") not in PULL_REQUEST_ACTIONS:
        return f"nothing is done when a pull request is {str(data.get('action'))[:50]}"
    inner = _text(data, "pull_request", "base", "repo", "full_name")
    outer = _text(data, "pull_request", "head", "repo", "full_name")
    # Commands and secrets are the organisation's, the code of a fork is anybody's.
    return "" if inner and inner == outer else "nothing is done for pull requests of other repositories"


def _facts(data: Mapping[str, Any], event: str, *, comments: bool) -> dict[str, Any]:
    number = data.get("number")
    pull_request = event == "pull_request"
    return {
        "username": _text(data, "sender", "login"),
        "git_repo": _text(data, "repository", "html_url"),
        "commit_hash": _text(data, "pull_request", "head", "sha") if pull_request else _text(data, "after"),
        "pr_number": number if pull_request and comments and isinstance(number, int) else None,
    }


def _text(data: Any, *path: str) -> str:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, str) else ""
