"""Why a generation job does not go on just now, in words."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.generation import store
from chalicelib.generation.jobs.model import Plan
from chalicelib.generation.store import Shard
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.decide import BUDGET_EXCEEDED, HANDED_OUT, for_want_of_money
from chalicelib.jobs.model import Job, JobStatus, Order, OrderStatus
from chalicelib.wiring import Ports


def why(ports: Ports, job: Job, plan: Plan) -> str:
    """Empty when nothing keeps it waiting. Of a job that ended for want of money, whose money it was if not its own."""
    if job.status.ended and job.status is not JobStatus.BUDGET_EXCEEDED:
        return ""
    shards = [each for each in jobs.orders_of(ports, job) if each.number <= plan.shards]
    if job.status.ended:
        return _whose_money(shards)
    running = [each.number for each in shards if each.status is OrderStatus.RUNNING]
    if running:
        keys = [store.shard_key(job.job_id, each) for each in running]
        found = [store.to_shard(each) for each in ports.documents.get_many(keys) if each]
        return why_running(found, ports.clock.now())
    reasons = (each.reason for each in shards if not each.status.ended)
    return next((each for each in reasons if each != HANDED_OUT), "")


def why_running(shards: Sequence[Shard], now: datetime) -> str:
    """Only while all of them wait."""
    if not shards or not all(each.waits_for for each in shards):
        return ""
    first = min(shards, key=lambda each: each.waits_until or now)
    if first.waits_until is None:
        return first.waits_for
    left = round((first.waits_until - now).total_seconds())
    return f"{first.waits_for}; it is asked again {f'in {left} s' if left > 0 else 'now'}"


def _whose_money(shards: Sequence[Order]) -> str:
    reasons = (each.reason for each in shards if for_want_of_money(each.reason))
    return next((each.removeprefix(f"{BUDGET_EXCEEDED}: ") for each in reasons if each != BUDGET_EXCEEDED), "")
