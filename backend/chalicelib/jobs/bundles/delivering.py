"""What a worker far away is given, minted when an order starts: links, and the keys to its values."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson

from chalicelib.errors import NotFound
from chalicelib.jobs import logs, places, store
from chalicelib.jobs.artifacts import artifact_folder
from chalicelib.jobs.bundles.environment import of_engine, read_location, secret_values
from chalicelib.jobs.bundles.packaging import package
from chalicelib.jobs.bundles.program import program_key
from chalicelib.jobs.bundles.sealing import recipient_of, seal
from chalicelib.jobs.decide import grace_of
from chalicelib.jobs.model import Job, Order
from chalicelib.wiring import Ports

MARGIN = timedelta(minutes=15)
LONGEST = timedelta(days=7)
"""What S3 allows a link. One that a Lambda's role signs ends with the role's session before that."""
LARGEST = 5_000_000_000
"""Bytes that S3 takes in one PUT."""


def deliver(ports: Ports, job: Job, order: Order) -> str:
    """A link to all that the attempt needs, made now. Raises a MillraceError whose words may be shown."""
    _ensure_bundle(ports, job, order)
    lasts = lifetime(job, order)
    place = (job.job_id, order.number, order.attempt)
    # Commands may call back themselves, by a plain PUT; a worker that comes later leaves what they put.
    callback = str(order.spec.settings.get("callback_url") or _put(ports, places.result_key(*place), lasts))
    secrets = secret_values(ports, order)
    told: dict[str, Any] = {
        "version": 1,
        "timeout": order.spec.timeout,
        "commands": list(order.spec.commands),
        "program": _get(ports, program_key(ports), lasts),
        "bundle": _get(ports, places.bundle_key(job.job_id, order.number), lasts),
        "environment": dict(order.spec.env),
        "engine": of_engine(job, order, callback=callback),
        "values": _sealed(ports, order, place, secrets, lasts) if secrets else None,
        "masked": [callback],
        "begun": _put(ports, places.begun_key(*place), lasts, once=True),
        "stop": _get(ports, places.stop_key(*place), lasts),
        "result": _put(ports, places.result_key(*place), lasts, once=True),
        "callback_url": order.spec.settings.get("callback_url"),
        "log": _log(ports, job, order, lasts),
        "inputs": list(_inputs(ports, job, order, lasts)),
        "outputs": [
            {"path": path, "link": _put(ports, f"{artifact_folder(job, order)}/{path}", lasts)}
            for path in order.spec.outputs
        ],
    }
    key = places.order_key(*place)
    ports.objects.put(key, orjson.dumps(told), replace=True)
    return _get(ports, key, lasts)


def lifetime(job: Job, order: Order) -> timedelta:
    """Until the order has surely ended, and at least as long as was asked for."""
    needed = timedelta(seconds=order.spec.timeout) + grace_of(order.spec.target) + MARGIN
    asked = job.settings.get("presign_expiry")
    return min(LONGEST, max(needed, timedelta(seconds=asked if isinstance(asked, int) else 0)))


def _ensure_bundle(ports: Ports, job: Job, order: Order) -> None:
    """Jobs that came otherwise than by the webhook have none yet, and those that waited for a day none any more."""
    try:
        ports.objects.info(places.bundle_key(job.job_id, order.number))
    except NotFound:
        package(ports, job, [order])


def _sealed(
    ports: Ports, order: Order, place: tuple[str, int, int], secrets: dict[str, str], lasts: timedelta
) -> dict[str, str]:
    sealed = seal(secrets, also_for=_also_for(ports, order))
    ports.objects.put(places.values_key(*place), sealed.content, replace=True)
    ports.objects.put(places.secret_key(*place), sealed.key.encode(), replace=True)
    content = _get(ports, places.values_key(*place), lasts)
    return {"kind": sealed.kind, "content": content, "key": _get(ports, places.secret_key(*place), lasts)}


def _also_for(ports: Ports, order: Order) -> list[str]:
    """The order's `sops_key`: an age recipient, or the place of an age key."""
    named = order.spec.settings.get("sops_key")
    if not named:
        return []
    text = str(named)
    return [recipient_of(text if text.startswith("age1") else read_location(ports, text))]


def _log(ports: Ports, job: Job, order: Order, lasts: timedelta) -> dict[str, Any]:
    """A link for each piece; a piece is sent again as it grows."""
    limit = ports.settings.log_limit
    starts = range(0, max(limit, 1), logs.PIECE)
    keys = (logs.piece_key(job.tenant_id, job.job_id, order.number, order.attempt, start) for start in starts)
    return {"piece": logs.PIECE, "limit": limit, "links": [_put(ports, key, lasts) for key in keys]}


def _inputs(ports: Ports, job: Job, order: Order, lasts: timedelta) -> Iterator[dict[str, str]]:
    """Artifacts of the dependencies, as inputs/<order_name>/<path>."""
    for each in store.load_orders(ports.documents, job, order.spec.dependencies).values():
        for artifact in each.artifacts:
            yield {"path": f"inputs/{each.name}/{artifact.path}", "link": _get(ports, artifact.object, lasts)}


def _put(ports: Ports, key: str, lasts: timedelta, *, once: bool = False) -> str:
    return ports.objects.put_link(key, lasts=lasts, most=LARGEST, once=once)


def _get(ports: Ports, key: str, lasts: timedelta) -> str:
    return ports.objects.get_link(key, lasts=lasts, filename=key.rsplit("/", 1)[-1])
