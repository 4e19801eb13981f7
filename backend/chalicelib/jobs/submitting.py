"""From a checked request to documents, and back to a request."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.accounts.model import Caller
from chalicelib.audit.recording import entry
from chalicelib.documents import TRANSACTION_BYTES, TRANSACTION_LIMIT, Absent, ConditionFailed, Delete, Put, Write
from chalicelib.errors import Fault, Invalid
from chalicelib.jobs import comments, dag, duties, ends, logs, store
from chalicelib.jobs.artifacts import artifact_prefix
from chalicelib.jobs.bundles import package
from chalicelib.jobs.far import is_far
from chalicelib.jobs.flows import new_trace_id
from chalicelib.jobs.model import STATE_LETTERS, Event, Job, JobStatus, Order, OrderSpec, OrderStatus, RunWhen, Target
from chalicelib.jobs.places import run_prefixes
from chalicelib.jobs.submission import JobRequest, OrderRequest
from chalicelib.limits import storage
from chalicelib.vault import Vault
from chalicelib.wiring import Ports

_JOB_SETTINGS = (
    "git_repo",
    "git_token_location",
    "git_ssh_key_location",
    "commit_hash",
    "pr_number",
    "issue_number",
    "pr_comment_search_tag",
    "presign_expiry",
    "done_endpt",
)
_ORDER_SETTINGS = (
    "ssm_paths",
    "secret_manager_paths",
    "sops_key",
    "s3_location",
    "git_repo",
    "git_folder",
    "commit_hash",
    "ssm_targets",
    "ssm_document_name",
    "callback_url",
)
_ABANDONED = timedelta(days=1)
_FINAL_ORDERS = 90
"""So many orders fit into one transaction with their job."""
_BATCH_BYTES = TRANSACTION_BYTES - 300_000
"""The same in bytes of JSON."""
_LARGEST_ORDER = 170_000
"""Bytes of JSON of an order at first. Thirty attempts with their reasons and a hundred artifacts are added to it."""


def create(
    ports: Ports,
    caller: Caller,
    request: JobRequest,
    *,
    job_id: str,
    cloned_from: str = "",
    trace_id: str = "",
    leg: str = "",
) -> Job:
    """Store the job and its orders; the job's own document comes last and makes it exist.

    Orders that do not fit into that transaction are written before it, beside a draft mark by which the sweeper finds
    and removes what a crash left. Raises Invalid for what this home cannot do.
    """
    _check_home(ports, caller, request)
    storage.check_for(ports, caller)
    now = ports.clock.now()
    orders = _orders(ports, request)
    early, last = _batches(orders)
    job = _job(caller, request, orders, job_id=job_id, now=now, trace_id=trace_id, leg=leg)
    if far := [each for each in orders if is_far(ports, each.spec.target)]:
        package(ports, job, far)
    if early:
        ports.documents.transact([store.put_draft(job_id, caller.tenant_id, until=now + _ABANDONED)])
    for batch in early:
        ports.documents.transact([store.put_order(job_id, each) for each in batch])
    try:
        ports.documents.transact(
            [
                *_birth(ports, caller, job, cloned_from),
                *([Delete(store.draft_key(job_id))] if early else []),
                *(store.put_order(job_id, each) for each in last),
            ]
        )
    except ConditionFailed:
        return store.find_job(ports.documents, job_id)
    return job


def _birth(ports: Ports, caller: Caller, job: Job, cloned_from: str) -> list[Write]:
    """All that is written of a new job but its orders."""
    submitted = Event(
        event_id=ports.clock.new_id(),
        at=job.created_at,
        actor=caller.email,
        kind="job.submitted",
        message=_told(job),
    )
    return [
        store.put_job(job, Absent()),
        store.put_event(job.job_id, submitted),
        _recorded(ports, caller, job, cloned_from),
        store.put_trace(job),
        *([duties.new(ports, job)] if duties.at_change(job) else []),
    ]


def _batches(orders: Sequence[Order]) -> tuple[list[list[Order]], list[Order]]:
    """Orders that are written in transactions of their own, and the last ones, which go with their job.

    Raises Invalid for those that one document does not hold.
    """
    sizes = [store.size_of(each) for each in orders]
    if large := [number for number, size in enumerate(sizes) if size > _LARGEST_ORDER]:
        text = f"must not be larger than {_LARGEST_ORDER:,} bytes in all, commands and variables together"
        raise Invalid("The job is too large for one of its orders.", [Fault(f"orders[{each}]", text) for each in large])
    early: list[list[Order]] = []
    batch: list[Order] = []
    left = 0
    # From the end, since it is the last ones that go with the job.
    for order, size in zip(reversed(orders), reversed(sizes), strict=True):
        if not batch or len(batch) == _FINAL_ORDERS or size > left:
            batch, left = [], _BATCH_BYTES
            early.append(batch)
        batch.insert(0, order)
        left -= size
    return early[1:], early[0]


def _told(job: Job) -> str:
    return f"leg {job.leg}" if job.leg else ""


def _recorded(ports: Ports, caller: Caller, job: Job, cloned_from: str) -> Put:
    after = {"name": job.name, "kind": job.kind, "orders": job.order_count, "username": job.username}
    if cloned_from:
        after["cloned_from"] = cloned_from
    action = "job.clone" if cloned_from else "job.submit"
    return entry(ports.clock, caller, action, f"job/{job.job_id}", after=after)


def sweep(ports: Ports, job_id: str, tenant_id: str) -> None:
    """Remove what a deleted job leaves: documents, logs, artifacts, what workers left or were given, its end's mark."""
    while keys := [each.key for each in ports.documents.query(store.partition(job_id), limit=TRANSACTION_LIMIT).items]:
        ports.documents.transact([Delete(key) for key in keys])
    prefixes = (logs.log_prefix(tenant_id, job_id), artifact_prefix(tenant_id, job_id))
    octets = storage.size_of(ports, prefixes)
    for prefix in (*prefixes, *run_prefixes(job_id)):
        ports.objects.delete_prefix(prefix)
    (ports.done or ports.objects).delete(ends.done_key(ports, job_id))
    if octets:
        storage.add(ports, tenant_id, -octets)


def _check_home(ports: Ports, caller: Caller, request: JobRequest) -> None:
    offered = ", ".join(ports.offered)
    instead = f"choose {offered}" if offered else "it takes no shell orders: its operator has set up no target"
    faults = comments.faults_of(ports.hosts, request)
    faults += ends.faults_of(ports, caller.tenant_id, request.done_endpt or "")
    for index, order in enumerate(request.orders):
        target = _target(ports, order)
        if target not in ports.offered:
            faults.append(Fault(f"orders[{index}].execution_target", f"{target} is not offered here; {instead}"))
        if target is Target.PROCESS:
            faults += [
                Fault(
                    f"orders[{index}].{name}",
                    "needs an AWS target; orders in local processes take env_vars and secrets",
                )
                for name in _ORDER_SETTINGS
                if getattr(order, name)
            ]
    if faults:
        raise Invalid("The job asks for what this server does not offer.", faults)


def _target(ports: Ports, order: OrderRequest) -> Target:
    return order.target or next(iter(ports.offered), Target.PROCESS)


def _orders(ports: Ports, request: JobRequest) -> list[Order]:
    dependencies = dag.resolve(request.orders)
    return [
        Order(number=number, spec=_spec(ports, order, dag.name_of(number, order), dependencies[number - 1]))
        for number, order in enumerate(request.orders, 1)
    ]


def _spec(ports: Ports, order: OrderRequest, name: str, dependencies: tuple[int, ...]) -> OrderSpec:
    return OrderSpec(
        name=name,
        commands=tuple(order.cmds),
        timeout=order.timeout,
        dependencies=dependencies,
        must_succeed=order.must_succeed,
        run_when=RunWhen(order.run_when),
        retries=order.retries,
        retry_delay=order.retry_delay,
        target=_target(ports, order),
        queue_id=order.queue_id,
        env=dict(order.env_vars),
        secret_env={variable: ports.vault.seal(value) for variable, value in order.secrets.items()},
        outputs=tuple(order.outputs),
        settings=_given(order, _ORDER_SETTINGS),
    )


def _job(
    caller: Caller,
    request: JobRequest,
    orders: Sequence[Order],
    *,
    job_id: str,
    now: datetime,
    trace_id: str,
    leg: str,
) -> Job:
    return Job(
        job_id=job_id,
        tenant_id=caller.tenant_id,
        username=request.username or caller.email,
        kind="shell",
        name=request.name or orders[0].name,
        status=JobStatus.QUEUED,
        created_at=now,
        states=STATE_LETTERS[OrderStatus.QUEUED] * len(orders),
        job_timeout=request.job_timeout,
        max_parallel=request.max_parallel,
        priority=request.priority,
        flow_label=request.flow_label,
        trace_id=trace_id or new_trace_id(),
        leg=leg,
        settings=_given(request, _JOB_SETTINGS),
        look_at=now,
    )


def _given(request: JobRequest | OrderRequest, names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(request, name))}


def as_submission(job: Job, orders: Sequence[Order]) -> dict[str, Any]:
    """What would submit this job again; defaults are left out, secrets are blank."""
    return {
        "name": job.name,
        "flow_label": job.flow_label,
        "job_timeout": job.job_timeout,
        "max_parallel": job.max_parallel,
        **({"priority": job.priority} if job.priority else {}),
        **job.settings,
        "orders": [_as_request(each, orders) for each in orders],
    }


def _as_request(order: Order, orders: Sequence[Order]) -> dict[str, Any]:
    spec = order.spec
    optional: Mapping[str, Any] = {
        "dependencies": [orders[number - 1].name for number in spec.dependencies],
        "retries": spec.retries,
        "retry_delay": spec.retry_delay,
        "queue_id": spec.queue_id,
        "env_vars": dict(spec.env),
        "secrets": dict.fromkeys(spec.secret_env, ""),
        "outputs": list(spec.outputs),
    }
    return {
        "order_name": spec.name,
        "cmds": list(spec.commands),
        "timeout": spec.timeout,
        **{name: value for name, value in optional.items() if value},
        **({} if spec.must_succeed else {"must_succeed": False}),
        **({} if spec.run_when is RunWhen.ALL_SUCCEEDED else {"run_when": str(spec.run_when)}),
        "execution_target": str(spec.target),
        **spec.settings,
    }


def with_secrets_of(vault: Vault, request: JobRequest, originals: Sequence[Order]) -> JobRequest:
    """Fill secrets that were left empty from the order of the same name."""
    sealed = {each.name: each.spec.secret_env for each in originals}
    orders = []
    for number, order in enumerate(request.orders, 1):
        known = sealed.get(dag.name_of(number, order), {})
        values = {
            name: vault.open(known[name]) if not value and name in known else value
            for name, value in order.secrets.items()
        }
        orders.append(order.model_copy(update={"secrets": values}))
    return request.model_copy(update={"orders": orders})
