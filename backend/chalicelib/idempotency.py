"""Idempotency-Key: a write that is sent again is done once, and answered as it was the first time."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from chalicelib import claims
from chalicelib.claims import Claim, OtherRequest
from chalicelib.documents import Key
from chalicelib.errors import Invalid, Unprocessable
from chalicelib.exchange import Answer, Request

KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class KeyReused(Unprocessable):
    type = "idempotency-key-reused"
    title = "This key was used for another request"


def once(request: Request, key: str, act: Callable[[], Answer]) -> Answer:
    """Do `act` unless it was done under this key already. What ends in a fault of ours may be tried again at once."""
    if not _KEY.fullmatch(key):
        raise Invalid("The Idempotency-Key must be 1 to 200 visible ASCII characters.")

    def answer(claim: Claim) -> Mapping[str, Any]:
        request.claimed_id = claim.made_id
        return _to_body(act())

    try:
        outcome = claims.once(request.ports, _place(request, key), _fingerprint(request), answer, kept=KEPT)
    except OtherRequest:
        raise KeyReused("Use a new Idempotency-Key for a request with another method, address or body.") from None
    return _from_body(outcome.answer, replayed=outcome.replayed)


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


def _from_body(body: Mapping[str, Any], *, replayed: bool) -> Answer:
    headers = {**body["headers"], **({"Idempotent-Replayed": "true"} if replayed else {})}
    return Answer(base64.b64decode(body["body"]), body["status"], headers)
