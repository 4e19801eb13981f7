"""The net under wake-ups: finds jobs that nobody woke, and orders whose worker is gone."""

import logging

from chalicelib.documents import Range
from chalicelib.jobs import store, submitting
from chalicelib.jobs.orchestrator import Orchestrator
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

AT_ONCE = 100


def sweep_due(ports: Ports, orchestrator: Orchestrator) -> int:
    """Look at every open job whose time has come, and clear away abandoned submissions; how many there were."""
    due = store.due(ports.documents, ports.clock.now(), limit=AT_ONCE)
    for each in due:
        job_id = each.key.partition.removeprefix("job#")
        if each.key.sort == store.DRAFT:
            submitting.sweep(ports, job_id, each.body["tenant_id"])
        else:
            orchestrator.look(job_id)
    return len(due)


def sweep_departed(ports: Ports, orchestrator: Orchestrator) -> None:
    """Look at the jobs of workers that died, and forget a worker once none of its orders is left."""
    for worker in ports.presence.departed():
        left = ports.documents.query(store.runner_partition(worker), Range(), limit=AT_ONCE).items
        for job_id in {each.key.sort.split("#")[0] for each in left}:
            log.warning("worker %s is gone; looking at its job %s", worker, job_id)
            orchestrator.look(job_id)
        if not left:
            ports.presence.forget(worker)
