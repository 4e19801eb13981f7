"""The bundle of an order: its code under `code/`, and its commands. Of its environment it holds the names alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import orjson

from chalicelib.jobs.bundles.archives import File, Files, pack
from chalicelib.jobs.bundles.code import Codes
from chalicelib.jobs.model import Job, Order
from chalicelib.jobs.places import bundle_key
from chalicelib.wiring import Ports

AT_ONCE = 16
"""Bundles that are put beside each other: a job may have 2,000."""


def package(ports: Ports, job: Job, orders: Sequence[Order]) -> None:
    """Put a bundle in place for each order. Raises a MillraceError whose words the submitter may see."""
    codes = Codes(ports, job)
    read = [(order, codes.of(order)) for order in orders]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="package") as pool:
        list(pool.map(lambda each: _put(ports, job, *each), read))


def _put(ports: Ports, job: Job, order: Order, code: Files) -> None:
    ports.objects.put(bundle_key(job.job_id, order.number), _bundle(order, code), replace=True)


def _bundle(order: Order, code: Files) -> bytes:
    spec = order.spec
    told = {
        "order_name": spec.name,
        "cmds": list(spec.commands),
        "timeout": spec.timeout,
        "variables": sorted({*spec.env, *spec.secret_env}),
        "ssm_paths": spec.settings.get("ssm_paths", []),
        "secret_manager_paths": spec.settings.get("secret_manager_paths", []),
    }
    files = {f"code/{name}": file for name, file in code.items()}
    return pack({**files, "order.json": File(orjson.dumps(told, option=orjson.OPT_INDENT_2))})
