"""Doing a thing once, however often it is asked for, and answering each time as the first time.

The right to do it is a document written where none is. It holds the id of what is going to be made: whoever takes over
from a crashed request makes that same thing, not a second one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, ConditionFailed, Delete, Key, Put, VersionIs
from chalicelib.errors import Conflict, MillraceError
from chalicelib.wiring import Ports

LEASE = timedelta(seconds=60)
_SERVER_FAULT = 500

Answer = Mapping[str, Any]


class InFlight(Conflict):
    type = "idempotency-in-flight"
    title = "The first request with this key is still under way"

    def __init__(self) -> None:
        super().__init__("Wait a moment, then send it again to get its answer.")


class OtherRequest(Exception):
    """The place was claimed for something else."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`again`: a request before this one had it, and did not come to its end."""

    key: Key
    fingerprint: str
    made_id: str
    version: int
    kept: timedelta
    again: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    answer: Answer
    replayed: bool


def once(
    ports: Ports,
    place: Key,
    fingerprint: str,
    act: Callable[[Claim], Answer],
    *,
    kept: timedelta,
    made_id: str = "",
) -> Outcome:
    """What `act` answers, or answered when it was done for this place. Answers are kept so long.

    A refusal frees the place; what ends in a fault of ours may be tried again at once. Raises InFlight, OtherRequest.
    """
    claim = _claim(ports, place, fingerprint, kept, made_id)
    if isinstance(claim, Outcome):
        return claim
    try:
        answer = act(claim)
    except BaseException as error:
        if isinstance(error, MillraceError) and error.status < _SERVER_FAULT and not claim.again:
            _settle(ports, Delete(place, [VersionIs(claim.version)]))
        else:
            _settle(ports, _put(ports, claim, VersionIs(claim.version), leased_until=ports.clock.now()))
        raise
    _settle(ports, _put(ports, claim, VersionIs(claim.version), answer=answer))
    return Outcome(answer, replayed=False)


def _claim(ports: Ports, place: Key, fingerprint: str, kept: timedelta, made_id: str) -> Claim | Outcome:
    found = ports.documents.get(place)
    if found is None:
        claim = Claim(place, fingerprint, made_id or ports.clock.new_id(), 1, kept)
        return _write(ports, claim, Absent())
    if found.body["fingerprint"] != fingerprint:
        raise OtherRequest
    if "answer" in found.body:
        return Outcome(found.body["answer"], replayed=True)
    if from_text(found.body["leased_until"]) > ports.clock.now():
        raise InFlight
    claim = Claim(place, fingerprint, found.body["made_id"], found.version + 1, kept, again=True)
    return _write(ports, claim, VersionIs(found.version))


def _write(ports: Ports, claim: Claim, condition: Absent | VersionIs) -> Claim:
    try:
        ports.documents.transact([_put(ports, claim, condition, leased_until=ports.clock.now() + LEASE)])
    except ConditionFailed:
        raise InFlight from None
    return claim


def _settle(ports: Ports, write: Put | Delete) -> None:
    try:
        ports.documents.transact([write])
    except ConditionFailed:
        # The lease ran out and another request took over: its answer counts, and it made the same thing.
        return


def _put(
    ports: Ports,
    claim: Claim,
    condition: Absent | VersionIs,
    *,
    leased_until: datetime | None = None,
    answer: Answer | None = None,
) -> Put:
    body: dict[str, Any] = {"fingerprint": claim.fingerprint, "made_id": claim.made_id}
    body |= {"answer": answer} if answer else {"leased_until": to_text(leased_until or ports.clock.now())}
    return Put(claim.key, body, [condition], expires=ports.clock.now() + claim.kept)
