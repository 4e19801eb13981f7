"""Idempotency-Key: a write that is sent again is done once, and answered as it was the first time.

A key is claimed by writing a document where none is. The claim holds the id of what is going to be made: whoever takes
over from a crashed request makes that same thing, not a second one.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, ConditionFailed, Key, Put, VersionIs
from chalicelib.errors import Conflict, Invalid, Unprocessable
from chalicelib.exchange import Answer, Request

LEASE = timedelta(seconds=60)
KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class InFlight(Conflict):
    type = "idempotency-in-flight"
    title = "The first request with this key is still under way"


class KeyReused(Unprocessable):
    type = "idempotency-key-reused"
    title = "This key was used for another request"


@dataclass(frozen=True, slots=True)
class _Claim:
    key: Key
    fingerprint: str
    made_id: str
    version: int


def once(request: Request, key: str, act: Callable[[], Answer]) -> Answer:
    """Do `act` unless it was done under this key already. What ends in a fault of ours may be tried again at once."""
    if not _KEY.fullmatch(key):
        raise Invalid("The Idempotency-Key must be 1 to 200 visible ASCII characters.")
    claim = _claim(request, key)
    if isinstance(claim, Answer):
        return claim
    request.claimed_id = claim.made_id
    try:
        answer = act()
    except BaseException:
        _store(request, claim, leased_until=request.ports.clock.now())
        raise
    _store(request, claim, answer=_to_body(answer))
    return answer


def _claim(request: Request, key: str) -> _Claim | Answer:
    """The right to act, or the first answer. Raises InFlight or KeyReused."""
    place, fingerprint = _place(request, key), _fingerprint(request)
    found = request.ports.documents.get(place)
    if found is None:
        claim = _Claim(place, fingerprint, request.ports.clock.new_id(), 1)
        return _write_claim(request, claim, Absent())
    if found.body["fingerprint"] != fingerprint:
        raise KeyReused("Use a new Idempotency-Key for a request with another method, address or body.")
    if "answer" in found.body:
        return _from_body(found.body["answer"])
    if from_text(found.body["leased_until"]) > request.ports.clock.now():
        raise InFlight("Wait a moment, then send it again to get its answer.")
    claim = _Claim(place, fingerprint, found.body["made_id"], found.version + 1)
    return _write_claim(request, claim, VersionIs(found.version))


def _write_claim(request: Request, claim: _Claim, condition: Absent | VersionIs) -> _Claim:
    try:
        request.ports.documents.transact([_put(request, claim, condition, leased_until=_lease_end(request))])
    except ConditionFailed:
        raise InFlight("Wait a moment, then send it again to get its answer.") from None
    return claim


def _store(request: Request, claim: _Claim, *, leased_until: datetime | None = None, answer: Any = None) -> None:
    try:
        write = _put(request, claim, VersionIs(claim.version), leased_until=leased_until, answer=answer)
        request.ports.documents.transact([write])
    except ConditionFailed:
        # The lease ran out and another request took over: its answer counts, and it made the same thing.
        return


def _put(
    request: Request,
    claim: _Claim,
    condition: Absent | VersionIs,
    *,
    leased_until: datetime | None = None,
    answer: Mapping[str, Any] | None = None,
) -> Put:
    body: dict[str, Any] = {"fingerprint": claim.fingerprint, "made_id": claim.made_id}
    body |= {"answer": answer} if answer else {"leased_until": to_text(leased_until or request.ports.clock.now())}
    return Put(claim.key, body, [condition], expires=request.ports.clock.now() + KEPT)


def _lease_end(request: Request) -> datetime:
    return request.ports.clock.now() + LEASE


def _place(request: Request, key: str) -> Key:
    caller = request.caller
    name = hashlib.sha256(f"{request.method} {request.route} {key}".encode()).hexdigest()
    return Key(f"idempotency#{caller.tenant_id}#{caller.user_id}", name)


def _fingerprint(request: Request) -> str:
    told = repr((request.method, request.path, sorted(request.query.items()))).encode()
    return hashlib.sha256(told + b"\0" + request.body).hexdigest()


def _to_body(answer: Answer) -> dict[str, Any]:
    # Bytes that are no text do not occur in answers to writes, but nothing here depends on it.
    return {"status": answer.status, "headers": answer.headers, "body": base64.b64encode(answer.body).decode()}


def _from_body(body: Mapping[str, Any]) -> Answer:
    headers = {**body["headers"], "Idempotent-Replayed": "true"}
    return Answer(base64.b64decode(body["body"]), body["status"], headers)
