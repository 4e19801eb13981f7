"""From the objects that workers far away leave to results of the engine. Nothing that they leave can stop a run."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.errors import NotFound
from chalicelib.jobs import places, results, store
from chalicelib.jobs.artifacts import artifact_folder
from chalicelib.jobs.dispatching import assignment_of
from chalicelib.jobs.logs import keep_log
from chalicelib.jobs.model import Artifact, Job, Order, OrderStatus
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.jobs.places import Callback
from chalicelib.limits import storage
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

LARGEST = 1_000_000
"""Bytes of a result that are read; a larger one fails its order."""
_KNOWN = {each.value: each for each in OrderStatus if each.ended and each is not OrderStatus.SKIPPED}


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker says of its attempt."""

    status: OrderStatus
    reason: str = ""
    log: str = ""
    exit_code: int | None = None


def keys_of(event: Mapping[str, Any]) -> list[str]:
    """Keys of all objects that an event tells of: EventBridge's, S3's own, and S3's inside SNS or SQS messages."""
    return list(dict.fromkeys(_keys(event)))


def _keys(event: Mapping[str, Any]) -> Iterator[str]:
    detail = event.get("detail")
    if isinstance(detail, Mapping):
        yield str(detail["object"]["key"])
    for record in event.get("Records", ()):
        if "s3" in record:
            yield unquote_plus(record["s3"]["object"]["key"])
        elif "Sns" in record:
            yield from _keys(json.loads(record["Sns"]["Message"]))
        elif "body" in record:
            yield from _keys(json.loads(record["body"]))
    if event.get("Type") == "Notification":
        yield from _keys(json.loads(event["Message"]))


def take_up(ports: Ports, orchestrator: Orchestrator, key: str) -> None:
    """What the object says is made known to its job, which is looked at. What is none of ours is left alone."""
    found = places.read_callback(key)
    if found is None:
        log.warning("an object that nobody was asked for: %s", key)
        return
    if found.number:
        try:
            _take_up(ports, found, key)
        except NotFound:
            log.warning("a result that nobody waits for: %s", key)
            return
    if not found.begun:
        orchestrator.look(found.job_id)


def _take_up(ports: Ports, found: Callback, key: str) -> None:
    job = store.find_job(ports.documents, found.job_id)
    order = store.load_orders(ports.documents, job, [found.number]).get(found.number)
    if order is None or order.attempt != found.attempt or not order.live:
        return
    if found.begun:
        results.begun(ports, job.job_id, order)
        return
    told = read_result(ports, key)
    told, artifacts = _with_outputs(ports, job, order, told)
    kept = keep_log(
        ports.objects, job.tenant_id, job.job_id, number=order.number, attempt=order.attempt, told=told.log.encode()
    )
    report = results.report_of(
        ports,
        assignment_of(job, order),
        worker=order.worker,
        status=told.status,
        reason=told.reason,
        exit_code=told.exit_code,
        started_at=order.started_at,
        artifacts=artifacts,
    )
    if results.report(ports, job.job_id, report):
        ports.objects.delete(places.secret_key(job.job_id, order.number, order.attempt))
        storage.add(ports, job.tenant_id, kept + sum(each.size for each in report.artifacts))


def read_result(ports: Ports, key: str) -> Told:
    """What a result says, or that it failed because it says nothing that can be understood. Raises NotFound."""
    found = bytearray()
    for piece in ports.objects.read(key):
        found += piece
        if len(found) > LARGEST:
            return Told(OrderStatus.FAILED, f"the result is larger than {LARGEST:,} bytes")
    try:
        told = json.loads(found.decode())
    except (ValueError, RecursionError):
        return Told(OrderStatus.FAILED, "the result is not JSON")
    if not isinstance(told, dict):
        return Told(OrderStatus.FAILED, "the result is not an object")
    status = _KNOWN.get(str(told.get("status")))
    if status is None:
        given = str(told.get("status"))[:50]
        return Told(OrderStatus.FAILED, f"the result has an unknown status: {given!r}", _log(told))
    exit_code = told.get("exit_code")
    return Told(
        status,
        _text(told.get("reason")) or ("" if status is OrderStatus.SUCCEEDED else f"the worker says: {status}"),
        _log(told),
        exit_code if isinstance(exit_code, int) and -(2**31) <= exit_code < 2**31 else None,
    )


def _log(told: Mapping[str, Any]) -> str:
    return _text(told.get("log"))


def _text(value: object) -> str:
    # Lone surrogates are legal in JSON and nowhere else.
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _artifacts(ports: Ports, job: Job, order: Order) -> tuple[Artifact, ...]:
    """The declared outputs that are really there, whatever the worker says of them."""
    kept = []
    for path in order.spec.outputs:
        key = f"{artifact_folder(job, order)}/{path}"
        try:
            kept.append(Artifact(path=path, size=ports.objects.info(key).size, object=key))
        except NotFound:
            continue
    return tuple(kept)


def _with_outputs(ports: Ports, job: Job, order: Order, told: Told) -> tuple[Told, tuple[Artifact, ...]]:
    """A success without its outputs, or with more than there is room for, is none."""
    artifacts = _artifacts(ports, job, order)
    well = told.status is OrderStatus.SUCCEEDED
    missing = sorted(set(order.spec.outputs) - {each.path for each in artifacts})
    if missing and well:
        told = replace(told, status=OrderStatus.FAILED, reason=f"the output `{missing[0]}` was not there at the end")
    room = storage.room(ports, job.tenant_id) if artifacts else None
    if room is None or sum(each.size for each in artifacts) <= room:
        return told, artifacts
    for each in artifacts:
        ports.objects.delete(each.object)
    if well:
        reason = f"the organisation's storage is full: no room for `{artifacts[0].path}`"
        told = replace(told, status=OrderStatus.FAILED, reason=reason)
    return told, ()
