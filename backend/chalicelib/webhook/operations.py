"""Taking what is posted: a job made of it once, and the same answer to whoever posts it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib import claims
from chalicelib.accounts.model import Caller, Origin
from chalicelib.claims import Claim, OtherRequest
from chalicelib.documents import Absent, ConditionFailed, Key, Put
from chalicelib.errors import Conflict, MillraceError, Unprocessable
from chalicelib.jobs import announcing, operations
from chalicelib.jobs.flows import leg_of, new_trace_id
from chalicelib.webhook import store
from chalicelib.webhook.admission import admit, is_hook
from chalicelib.webhook.model import Received
from chalicelib.webhook.parcels import Nothing, Wanted, unwrap
from chalicelib.wiring import Ports

KEPT = timedelta(days=90)
"""So long a repetition gets the first answer."""
OK = 200
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One call, however it came. Names in `headers` are lower-case; `tenant_id` is what the address names, if any."""

    body: bytes
    headers: Mapping[str, str]
    tenant_id: str = ""
    origin: Origin = field(default_factory=Origin)

    @property
    def event(self) -> str:
        return self.headers.get("x-github-event", "")

    @property
    def delivery_id(self) -> str:
        return self.headers.get("x-github-delivery", "")


def post(ports: Ports, posting: Posting) -> Answer:
    """The protocol's answer. Raises MillraceError for what is refused."""
    caller = admit(ports, posting.tenant_id, posting.headers, posting.body, posting.origin)
    try:
        answer = _take(ports, caller, posting)
    except MillraceError as error:
        _note(ports, caller, posting, error.status, told=_lines(error))
        raise
    _note(ports, caller, posting, OK, job_id=answer.get("run_id", ""), told=[answer.get("message", "")])
    return answer


def error_answer(error: MillraceError) -> dict[str, Any]:
    return {"status": "error", "errors": _lines(error)}


def _lines(error: MillraceError) -> list[str]:
    return [f"{each.place}: {each.message}" if each.place else each.message for each in error.faults] or [error.detail]


def _note(ports: Ports, caller: Caller, posting: Posting, status: int, *, job_id: str = "", told: list[str]) -> None:
    received = Received(
        at=ports.clock.now(),
        event=posting.event[:50],
        delivery_id=posting.delivery_id[:100],
        status=status,
        job_id=job_id,
        told=[each[:300] for each in told if each][:10],
    )
    ports.documents.transact([store.put_received(caller.tenant_id, received, ports.clock.new_id())])


def _take(ports: Ports, caller: Caller, posting: Posting) -> Answer:
    hook = store.get_hook(ports.documents, caller.tenant_id)
    found = unwrap(posting.body, posting.event, hook.job, comments=bool(hook.token))
    if isinstance(found, Nothing):
        return {"status": "ok", "message": found.why}
    fingerprint = _fingerprint(caller, posting)
    delivery_id = posting.delivery_id
    if is_hook(caller):
        _claim_body(ports, caller, delivery_id, fingerprint)
        delivery_id = delivery_id or fingerprint
    if delivery_id:
        return _once_per_delivery(ports, caller, delivery_id, found, fingerprint)
    return _once_per_run(ports, caller, found, fingerprint)


def _fingerprint(caller: Caller, posting: Posting) -> str:
    return hashlib.sha256(caller.tenant_id.encode() + b"\0" + posting.body).hexdigest()


def _claim_body(ports: Ports, caller: Caller, delivery_id: str, fingerprint: str) -> None:
    """A signature is of the body alone: whoever saw a delivery could send it again as another one."""
    key = Key(f"signed#{caller.tenant_id}", fingerprint)
    claim = Put(key, {"delivery_id": delivery_id}, [Absent()], expires=ports.clock.now() + KEPT)
    try:
        ports.documents.transact([claim])
    except ConditionFailed:
        found = ports.documents.get(key)
        if found and found.body["delivery_id"] != delivery_id:
            raise Conflict(
                "This signed body was delivered before, under another delivery id. To run its job again, put "
                "a run_id into it that was not used."
            ) from None


def _once_per_delivery(ports: Ports, caller: Caller, delivery_id: str, found: Wanted, fingerprint: str) -> Answer:
    place = Key(f"delivery#{caller.tenant_id}", hashlib.sha256(delivery_id.encode()).hexdigest())

    def act(claim: Claim) -> Answer:
        return _once_per_run(ports, caller, found, fingerprint, run_id=claim.made_id)

    try:
        return claims.once(ports, place, fingerprint, act, kept=KEPT).answer
    except OtherRequest:
        raise Unprocessable("X-GitHub-Delivery names a delivery that had another body.") from None


def _once_per_run(ports: Ports, caller: Caller, found: Wanted, fingerprint: str, *, run_id: str = "") -> Answer:
    run_id = found.posted.run_id or run_id or ports.clock.new_id()

    def act(claim: Claim) -> Answer:
        # A job that is there though nobody had claimed its id was made in another way, or by somebody else.
        if not claim.again and operations.exists(ports, run_id):
            raise _taken(run_id)
        return _submit(ports, caller, found, run_id)

    try:
        place = Key(f"run#{run_id}", "claim")
        return claims.once(ports, place, fingerprint, act, kept=KEPT, made_id=run_id).answer
    except OtherRequest:
        raise _taken(run_id) from None


def _taken(run_id: str) -> Conflict:
    return Conflict(f"The run_id {run_id} was used before, for something else. Choose another, or none.")


def _submit(ports: Ports, caller: Caller, found: Wanted, run_id: str) -> Answer:
    trace_id = found.trace_id or new_trace_id()
    leg = leg_of(trace_id, ports.clock.now())
    job = operations.submit(ports, caller, found.job, job_id=run_id, trace_id=trace_id, leg=leg)
    if job.tenant_id != caller.tenant_id:
        raise _taken(run_id)
    return announcing.announce(ports, job)
