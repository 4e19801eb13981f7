"""The bundle of an order: its code under `code/`, and its commands. Of its environment it holds the names alone."""

from collections.abc import Sequence

import orjson

from chalicelib.jobs.bundles.archives import File, pack
from chalicelib.jobs.bundles.code import code_of
from chalicelib.jobs.model import Job, Order
from chalicelib.jobs.places import bundle_key
from chalicelib.wiring import Ports


def package(ports: Ports, job: Job, orders: Sequence[Order]) -> None:
    """Put a bundle in place for each order. Raises a MillraceError whose words the submitter may see."""
    for order in orders:
        ports.objects.put(bundle_key(job.job_id, order.number), _bundle(ports, job, order), replace=True)


def _bundle(ports: Ports, job: Job, order: Order) -> bytes:
    spec = order.spec
    told = {
        "order_name": spec.name,
        "cmds": list(spec.commands),
        "timeout": spec.timeout,
        "variables": sorted({*spec.env, *spec.secret_env}),
        "ssm_paths": spec.settings.get("ssm_paths", []),
        "secret_manager_paths": spec.settings.get("secret_manager_paths", []),
    }
    code = code_of(ports, job, order)
    files = {f"code/{name}": file for name, file in code.items()}
    return pack({**files, "order.json": File(orjson.dumps(told, option=orjson.OPT_INDENT_2))})
