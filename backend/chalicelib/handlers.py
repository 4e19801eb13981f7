"""What AWS calls beside the web: plain functions of the ports, the event and the invocation's context."""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.generation.seeds.sweeper import sweep_uploads
from chalicelib.jobs import callbacks, watchdog
from chalicelib.jobs.finishing import settle
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.jobs.places import CALLBACKS
from chalicelib.jobs.sweeper import AT_ONCE, sweep_departed, sweep_due
from chalicelib.notifications.delivering import deliver
from chalicelib.webhook import entry
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

Event = Mapping[str, Any]

LEFT_BY_WORKERS = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": ["millrace"]}, "object": {"key": [{"prefix": CALLBACKS}]}},
}
"""What EventBridge is asked for, in the bucket of the default settings."""


def on_callbacks(ports: Ports, event: Event, context: Any) -> None:
    """Objects that workers left: each is taken up, and its job looked at. Raises once all were tried."""
    failures = [failure for key in callbacks.keys_of(event) if (failure := _take_up(ports, key, context))]
    if failures:
        raise failures[0]


def on_wake_ups(ports: Ports, event: Event, context: Any) -> None:
    orchestrator = _orchestrator(ports, context)
    for job_id in {body["job_id"] for body in _bodies(event)}:
        orchestrator.look(job_id)


def on_orders(ports: Ports, event: Event, context: Any) -> None:
    """Built-in actions, as far as the invocation's time reaches."""
    # What the actions need is of no use to all other functions.
    from chalicelib.invocation import Invocation  # noqa: PLC0415

    invocation = Invocation(ports, name=_name(ports, context), remaining=_remaining(context))
    for body in _bodies(event):
        invocation.run(body)


def on_notices(ports: Ports, _: Event, context: Any) -> None:
    """The queue only wakes: documents say what is open."""
    _deliver(ports, context)


def on_schedule(ports: Ports, _: Event, context: Any) -> None:
    """What nobody woke: jobs whose time has come, orders of dead workers, late uploads, notifications due again."""
    orchestrator = _orchestrator(ports, context)
    while sweep_due(ports, orchestrator) == AT_ONCE and _has_time(context):
        continue
    sweep_departed(ports, orchestrator)
    sweep_uploads(ports)
    _deliver(ports, context)


def watchdog_check(ports: Ports, event: Event, context: Any) -> dict[str, Any]:
    """{"state": "done" or "waiting", "wait": seconds until the next check}."""
    return watchdog.check(ports, _orchestrator(ports, context), event)


def process_webhook(ports: Ports, event: object, _: Any) -> dict[str, Any]:
    """A job that is posted: through an API Gateway, by a topic, or directly."""
    return entry.process(ports, event)


def work(event: Event, context: Any) -> dict[str, Any]:
    """The worker program. It is given no ports: its role may do nothing, and it needs nothing but its links."""
    from chalicelib.work.function import work as run  # noqa: PLC0415

    return run(event, _remaining(context))


def _take_up(ports: Ports, key: str, context: Any) -> Exception | None:
    """What went wrong with it: the others are not to wait for its sake."""
    try:
        callbacks.take_up(ports, _orchestrator(ports, context), key)
    except Exception as failure:
        log.exception("%s could not be taken up", key)
        return failure
    return None


def _deliver(ports: Ports, context: Any) -> None:
    while _has_time(context) and deliver(ports) + settle(ports):
        continue


def _bodies(event: Event) -> Iterator[dict[str, Any]]:
    for record in event["Records"]:
        yield json.loads(record["body"])


def _orchestrator(ports: Ports, context: Any) -> Orchestrator:
    return Orchestrator(ports, owner=_name(ports, context))


def _name(ports: Ports, context: Any) -> str:
    return str(getattr(context, "aws_request_id", "") or ports.clock.new_id())


def _remaining(context: Any) -> float:
    """Seconds that the invocation may still take."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    return ask() / 1000 if ask else 900.0


def _has_time(context: Any) -> bool:
    return _remaining(context) > 15  # noqa: PLR2004 - one round of sending takes that long at most
