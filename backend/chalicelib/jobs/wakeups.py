"""Telling an orchestrator to look at a job. A lost wake-up costs time, never a job: the sweeper finds it."""

from chalicelib.queues import Message
from chalicelib.wiring import Ports

WAKE_UPS = "wake-ups"


def wake(ports: Ports, job_id: str, *, tenant_id: str) -> None:
    ports.queues.send(WAKE_UPS, [Message({"job_id": job_id}, group=tenant_id)], durable=False)
