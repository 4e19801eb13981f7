"""Orders that run far away: their bundle made, their watchdog set, their provider asked."""

import logging
from dataclasses import dataclass, replace

from chalicelib.errors import MillraceError
from chalicelib.jobs import store
from chalicelib.jobs.bundles import deliver
from chalicelib.jobs.dispatching import assignment_of, mark_running
from chalicelib.jobs.executors import Assignment, DispatchFailed, Executor, Parcel, Provider, Started
from chalicelib.jobs.model import Job, Order, Target
from chalicelib.jobs.places import stop_key
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)


def executor_of(ports: Ports, target: Target) -> Executor:
    if provider := ports.providers.get(target):
        return Far(ports, provider)
    return ports.executors.get(target) or NotOffered(target)


def is_far(ports: Ports, target: Target) -> bool:
    return target in ports.providers


def stop(ports: Ports, job: Job, order: Order) -> bool:
    """True when nothing of the attempt runs any more."""
    return executor_of(ports, order.spec.target).stop(order, assignment_of(job, order))


@dataclass(frozen=True, slots=True)
class Far:
    """A provider as an executor."""

    ports: Ports
    provider: Provider

    def start(self, assignments: list[Assignment]) -> Started:
        for each in assignments:
            self._start(each)
        return Started.HANDED_OVER

    def stop(self, order: Order, assignment: Assignment) -> bool:
        """The worker looks for the object and ends in peace; a provider that can does it in any case."""
        self.ports.objects.put(stop_key(assignment.job_id, order.number, order.attempt), b"stop", replace=True)
        return bool(order.worker) and self.provider.stop(order.worker)

    def may_keep(self) -> bool:
        return False

    def lost(self, order: Order) -> bool:  # noqa: ARG002 - the watchdog of the order asks its provider
        return False

    def _start(self, assignment: Assignment) -> None:
        job = store.find_job(self.ports.documents, assignment.job_id)
        order = store.load_orders(self.ports.documents, job, [assignment.number])[assignment.number]
        if order.attempt != assignment.attempt or not order.live:
            return
        name = f"{job.job_id}-{order.number:04d}-{order.attempt:04d}"
        try:
            parcel = Parcel(
                name=name,
                link=deliver(self.ports, job, order),
                timeout=order.spec.timeout,
                settings=order.spec.settings,
            )
            # Before the order: one that is watched and does not run is noticed, the other way round it is not.
            watched = {"job_id": job.job_id, "number": order.number, "attempt": order.attempt}
            self.ports.watchdogs.start(name, watched)
            handle = self.provider.start(parcel)
        except DispatchFailed:
            raise
        except MillraceError as error:
            raise DispatchFailed(error.detail) from error
        except Exception as failure:
            # Whatever went wrong here is ours: an order that is neither started nor refused would wait for ever.
            log.exception("order %s of job %s could not be dispatched", order.number, job.job_id)
            raise DispatchFailed(type(failure).__name__) from failure
        if not mark_running(self.ports, job, [order], worker=handle):
            self._stop_unwanted(job, order, handle)

    def _stop_unwanted(self, job: Job, order: Order, handle: str) -> None:
        """It may have been cancelled while its provider was asked, when nobody knew yet whom to tell."""
        now = store.load_orders(self.ports.documents, job, [order.number])[order.number]
        if now.attempt != order.attempt or not now.live:
            self.stop(replace(order, worker=handle), assignment_of(job, order))


@dataclass(frozen=True, slots=True)
class NotOffered:
    """What a target is once its setting is gone and orders of it are left."""

    target: Target

    def start(self, assignments: list[Assignment]) -> Started:  # noqa: ARG002
        raise DispatchFailed(f"the target {self.target} is not offered here any more")

    def stop(self, order: Order, assignment: Assignment) -> bool:  # noqa: ARG002
        return False

    def may_keep(self) -> bool:
        return False

    def lost(self, order: Order) -> bool:  # noqa: ARG002
        return False
