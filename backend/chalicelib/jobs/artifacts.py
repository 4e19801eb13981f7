"""What orders are told of themselves, and where the files lie that they leave."""

from chalicelib.jobs.flows import Flow, flow_id
from chalicelib.jobs.model import Job, Order


def engine_values(job: Job, order: Order) -> dict[str, str]:
    """Variables of the environment of its commands."""
    return {
        "RUN_ID": job.job_id,
        "TRACE_ID": job.trace_id,
        "FLOW_ID": flow_id(Flow(job.username, job.trace_id, job.flow_label)),
        "ORDER_ID": order.name,
        "ORDER_NUM": f"{order.number:04d}",
        "ATTEMPT": str(order.attempt),
        "TIMEOUT": str(order.spec.timeout),
    }


def tenant_prefix(tenant_id: str) -> str:
    return f"artifacts/{tenant_id}/"


def artifact_prefix(tenant_id: str, job_id: str) -> str:
    return f"{tenant_prefix(tenant_id)}{job_id}/"


def artifact_folder(job: Job, order: Order) -> str:
    """Where the files go that the present attempt of an order leaves."""
    return f"{artifact_prefix(job.tenant_id, job.job_id)}{order.number:04d}/{order.attempt:04d}"
