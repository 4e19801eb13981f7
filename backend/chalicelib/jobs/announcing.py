"""What a new run is answered with, after others were told of it."""

from typing import Any

from chalicelib.jobs import comments, ends, finishing, store
from chalicelib.jobs.flows import Flow, flow_id
from chalicelib.jobs.model import Job, Order
from chalicelib.jobs.places import trigger_key
from chalicelib.settings import Home
from chalicelib.wiring import Ports


def announce(ports: Ports, job: Job) -> dict[str, Any]:
    """Its comment made, if it has a place for one, and its trigger pulled; the answer of the webhook protocol.

    A host that does not answer now gets the comment later.
    """
    finishing.settle_one(ports, job.job_id)
    if ports.settings.home is Home.AWS:
        ports.objects.put(trigger_key(job.job_id), b"{}", replace=True)
    told = comments.place_of(job) is not None
    # As they began, however far they got meanwhile.
    stored = store.load_all_orders(ports.documents, job) if told else []
    orders = [Order(number=each.number, spec=each.spec) for each in stored]
    return {
        "status": "ok",
        "run_id": job.job_id,
        "trace_id": job.trace_id,
        "flow_id": flow_id(Flow(job.username, job.trace_id, job.flow_label)),
        "done_endpt": ends.done_address(ports, job),
        "pr_search_tag": comments.search_tag(job),
        "init_pr_comment": comments.render(job, orders, ports.settings.address) if told else "",
    }
