"""Setting up an organisation's webhook. What is secret about it can be replaced, and never read again."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.audit.recording import entry
from chalicelib.documents import ConditionFailed
from chalicelib.errors import Conflict, Fault, Invalid
from chalicelib.jobs.submission import parse_submission
from chalicelib.webhook import store
from chalicelib.webhook.model import Hook, Received
from chalicelib.webhook.tokens import TOKEN
from chalicelib.wiring import Ports

LONGEST_JOB = 100_000
_TRIES = 10


def get(ports: Ports, caller: Caller, tenant_id: str) -> Hook:
    require(caller, Permission.WEBHOOK_READ, tenant_id)
    return store.get_hook(ports.documents, tenant_id)


def list_received(ports: Ports, caller: Caller, tenant_id: str, *, limit: int = 20) -> Sequence[Received]:
    """The newest; they are kept for 30 days."""
    require(caller, Permission.WEBHOOK_READ, tenant_id)
    return store.get_received(ports.documents, tenant_id, limit=limit)


def rotate(ports: Ports, caller: Caller, tenant_id: str) -> str:
    """A new secret, which takes the place of the one before at once; nobody can read it again."""
    secret = secrets.token_urlsafe(32)
    sealed = ports.vault.seal(secret)
    _change(ports, caller, tenant_id, "webhook.rotate", lambda hook: replace(hook, secret=sealed))
    return secret


def close(ports: Ports, caller: Caller, tenant_id: str) -> None:
    """Signed deliveries are not taken any more."""
    _change(ports, caller, tenant_id, "webhook.close", lambda hook: replace(hook, secret=""))


def edit(ports: Ports, caller: Caller, tenant_id: str, *, job: str | None = None, token: str | None = None) -> Hook:
    """The job of pushes and pull requests, the token for comments; empty takes one away, None leaves it."""
    require(caller, Permission.WEBHOOK_WRITE, tenant_id)
    faults = [*_job_faults(job or ""), *_token_faults(token or "")]
    if faults:
        raise Invalid("The webhook has faults.", faults)
    sealed = ports.vault.seal(token) if token else token

    def edited(hook: Hook) -> Hook:
        return replace(hook, job=hook.job if job is None else job, token=hook.token if sealed is None else sealed)

    return _change(ports, caller, tenant_id, "webhook.edit", edited)


def _change(ports: Ports, caller: Caller, tenant_id: str, action: str, change: Callable[[Hook], Hook]) -> Hook:
    require(caller, Permission.WEBHOOK_WRITE, tenant_id)
    for _ in range(_TRIES):
        before = store.get_hook(ports.documents, tenant_id)
        after = replace(change(before), changed_at=ports.clock.now(), changed_by=caller.email)
        told = entry(ports.clock, caller, action, "webhook", before=_told(before), after=_told(after))
        try:
            ports.documents.transact([store.put_hook(after), told])
        except ConditionFailed:
            continue
        return after
    raise Conflict("The webhook is changing too fast just now; try again.")


def _told(hook: Hook) -> dict[str, object]:
    return {"signs": bool(hook.secret), "comments": bool(hook.token), "job": hook.job}


def _job_faults(job: str) -> list[Fault]:
    if not job.strip():
        return []
    if len(job) > LONGEST_JOB:
        return [Fault("job", f"must be at most {LONGEST_JOB:,} characters")]
    try:
        parse_submission(job)
    except Invalid as refusal:
        return [Fault(f"job.{each.place}", each.message) for each in refusal.faults] or [Fault("job", refusal.detail)]
    return []


def _token_faults(token: str) -> list[Fault]:
    return [] if not token or TOKEN.fullmatch(token) else [Fault("token", "must be 1 to 500 visible ASCII characters")]
