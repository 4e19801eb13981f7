"""The webhook as the API shows it."""

from datetime import datetime
from typing import Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.bodies import Input
from chalicelib.webhook.hooks import LONGEST_JOB
from chalicelib.webhook.model import Hook, Received


class WebhookAnswerJson(TypedDict):
    """What was made of the call. A delivery that asks for no job gets `message`, and nothing else."""

    status: Literal["ok"]
    run_id: NotRequired[str]
    trace_id: NotRequired[str]
    flow_id: NotRequired[str]
    done_endpt: NotRequired[str]
    pr_search_tag: NotRequired[str]
    init_pr_comment: NotRequired[str]
    message: NotRequired[str]


class WebhookErrorJson(TypedDict):
    """All that is wrong, each with its place where it has one."""

    status: Literal["error"]
    errors: list[str]


class HookJson(TypedDict):
    """`signed`: there is a secret, and signed deliveries are taken. `comments`: there is a token for comments."""

    url: str
    signed: bool
    comments: bool
    job: str
    changed_at: datetime | None
    changed_by: str


class SecretJson(TypedDict):
    """Shown this once."""

    url: str
    secret: str


class ReceivedJson(TypedDict):
    at: datetime
    event: str
    delivery_id: str
    status: int
    job_id: str
    told: list[str]


class ReceivedListJson(TypedDict):
    items: list[ReceivedJson]


class HookEdit(Input):
    job: str | None = Field(
        None, max_length=LONGEST_JOB, description="The job of pushes and pull requests, in YAML or JSON; empty: none."
    )
    token: str | None = Field(
        None, max_length=500, description="With which jobs comment on pull requests; stored encrypted. Empty: none."
    )


def hook_json(hook: Hook, url: str) -> HookJson:
    return {
        "url": url,
        "signed": bool(hook.secret),
        "comments": bool(hook.token),
        "job": hook.job,
        "changed_at": hook.changed_at,
        "changed_by": hook.changed_by,
    }


def received_json(received: Received) -> ReceivedJson:
    return {
        "at": received.at,
        "event": received.event,
        "delivery_id": received.delivery_id,
        "status": received.status,
        "job_id": received.job_id,
        "told": list(received.told),
    }
