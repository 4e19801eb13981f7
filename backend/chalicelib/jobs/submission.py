"""What a submitter writes, checked in full before anything is stored."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, field_validator, model_validator

from chalicelib.errors import Fault, Invalid
from chalicelib.jobs import dag
from chalicelib.jobs.model import RunWhen, Target
from chalicelib.validation import parse
from chalicelib.yamltext import read_yaml

MAX_ORDERS = 2000
MAX_DEPENDENCIES = 20_000
MAX_TEXT = 5_000_000
MAX_SECONDS = 7 * 24 * 3600
LARGEST_OUTPUTS = 20_000
"""Bytes of the paths of one order's outputs, which it tells twice once it has them."""
DEFAULT_PRESIGN_EXPIRY = 7200
WHOLE_JOB = "_job"
"""What stands for an order's name where the whole job is meant."""
TARGET_TIMEOUTS = {Target.LAMBDA: 900, Target.CODEBUILD: 8 * 3600}

_Line = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_Seconds = Annotated[int, Field(gt=0, le=MAX_SECONDS)]
_Command = Annotated[str, StringConstraints(max_length=100_000)]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[\w](?:[\w .:+@=-]*[\w)]|[\w]*)")


class _Input(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class OrderRequest(_Input):
    """One order as submitted."""

    order_name: _Name | None = Field(None, description="Shown everywhere; `order-0001` when left out.")
    cmds: Annotated[list[_Command], Field(min_length=1, max_length=200)] = Field(
        description="Shell commands, run in order in one shell; the first that fails ends the order."
    )
    timeout: _Seconds = Field(description="Seconds after which the whole process group is killed.")
    dependencies: Annotated[list[int | str], Field(max_length=MAX_ORDERS)] = Field(
        default_factory=list, description="Names, numbers or queue_ids of orders that come first."
    )
    must_succeed: bool = Field(True, description="false: its failure is a warning, not the job's failure.")
    run_when: Literal["all_succeeded", "all_done"] = Field(
        "all_succeeded", description="all_done: run after failures too."
    )
    retries: int = Field(0, ge=0, le=20, description="More attempts after a failed or timed out one.")
    retry_delay: int = Field(0, ge=0, le=86_400, description="Seconds to wait before each of them.")
    execution_target: Literal["process", "lambda", "codebuild", "ssm", "ecs"] | None = Field(
        None, description="Where it runs; the home's own when left out."
    )
    use_lambda: bool | None = Field(None, description="true: the same as `execution_target: lambda`.")
    queue_id: _Name | None = Field(
        None, description="Orders with one queue_id never overlap, whatever job they are in."
    )
    env_vars: dict[str, str] = Field(default_factory=dict, description="Variables of the commands' environment.")
    secrets: dict[str, str] = Field(
        default_factory=dict, description="Variables that are stored encrypted, never shown, and masked in logs."
    )
    outputs: Annotated[list[_Line], Field(max_length=100)] = Field(
        default_factory=list, description="Files kept as artifacts, found by dependants in inputs/<order_name>/."
    )
    ssm_paths: list[_Line] = Field(default_factory=list)
    secret_manager_paths: list[_Line] = Field(default_factory=list)
    sops_key: _Line | None = None
    s3_location: _Line | None = None
    git_repo: _Line | None = None
    git_folder: _Line | None = None
    commit_hash: _Line | None = None
    ssm_targets: dict[str, Any] | list[Any] | None = None
    ssm_document_name: _Line | None = None
    callback_url: _Line | None = None

    @field_validator("order_name", "queue_id")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value is not None and (not _NAME.fullmatch(value) or ".." in value):
            raise ValueError("may hold letters, digits, spaces and . _ : + @ = -, starting with a letter or digit")
        if value == WHOLE_JOB:
            raise ValueError(f"must not be {WHOLE_JOB}, which stands for the whole job")
        return value

    @field_validator("cmds")
    @classmethod
    def _commands(cls, value: list[str]) -> list[str]:
        if any(not command.strip() for command in value):
            raise ValueError("must not hold an empty command")
        if any("\x00" in command for command in value):
            raise ValueError("must not hold NUL characters")
        return value

    @field_validator("env_vars", "secrets")
    @classmethod
    def _variables(cls, value: dict[str, str]) -> dict[str, str]:
        bad = [name for name in value if not _VARIABLE.fullmatch(name)]
        if bad:
            raise ValueError(f"has names that no environment can hold: {', '.join(map(repr, bad[:5]))}")
        if any("\x00" in text for text in value.values()):
            raise ValueError("must not hold NUL characters")
        if sum(len(name) + len(text) for name, text in value.items()) > 100_000:  # noqa: PLR2004 - far below ARG_MAX
            raise ValueError("must not be larger than 100 KB in all")
        return value

    @field_validator("callback_url")
    @classmethod
    def _web(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return value

    @field_validator("outputs")
    @classmethod
    def _inside(cls, value: list[str]) -> list[str]:
        if any(path.startswith("/") or not set(path.split("/")).isdisjoint({"", ".", ".."}) for path in value):
            raise ValueError("must be paths inside the order's own folder, without `.` or `..`")
        if len(set(value)) < len(value):
            raise ValueError("names a file twice")
        if sum(len(path.encode()) for path in value) > LARGEST_OUTPUTS:
            raise ValueError(f"must not be longer than {LARGEST_OUTPUTS:,} bytes in all")
        return value

    @model_validator(mode="after")
    def _one_target(self) -> "OrderRequest":
        if self.use_lambda and self.execution_target not in (None, "lambda"):
            raise ValueError(f"use_lambda and execution_target: {self.execution_target} contradict each other")
        if self.target is Target.SSM and not self.ssm_targets:
            raise ValueError("ssm_targets: ssm needs the machines to run on, as instance ids or tags")
        if self.timeout > TARGET_TIMEOUTS.get(self.target or Target.PROCESS, MAX_SECONDS):
            raise ValueError(f"timeout: {self.target} allows at most {TARGET_TIMEOUTS[Target(self.target or '')]} s")
        return self

    @property
    def target(self) -> Target | None:
        if self.use_lambda:
            return Target.LAMBDA
        return Target(self.execution_target) if self.execution_target else None

    @property
    def when(self) -> RunWhen:
        return RunWhen(self.run_when)


class JobRequest(_Input):
    """A job as submitted."""

    name: _Line | None = Field(None, description="Shown in lists; the first order's name when left out.")
    username: _Line | None = Field(None, description="Who it is for; the caller when left out.")
    orders: Annotated[list[OrderRequest], Field(min_length=1, max_length=MAX_ORDERS)]
    flow_label: _Line = "exec"
    job_timeout: _Seconds = Field(3600, description="Seconds from its first order's start after which it is stopped.")
    priority: int = Field(0, ge=-10, le=10, description="Within your organisation, higher ones are served first.")
    max_parallel: int = Field(10, ge=1, le=1000, description="Orders of this job that run at one time.")
    git_repo: _Line | None = Field(None, description="Where the code is, and the pull request: https://host/acme/app.")
    git_token_location: _Line | None = Field(
        None, description="Place of a token for it: /path of Parameter Store, or a name in Secrets Manager (AWS)."
    )
    git_ssh_key_location: _Line | None = Field(None, description="The same of an SSH key.")
    commit_hash: _Line | None = Field(None, description="Commit, branch or tag that orders run on (AWS targets).")
    pr_number: int | None = Field(None, ge=1, description="Pull request of git_repo in which the job has its comment.")
    issue_number: int | None = Field(None, ge=1, description="Or the issue.")
    pr_comment_search_tag: _Line | None = Field(None, description="Stands in that comment, to find it by.")
    presign_expiry: _Seconds | None = Field(
        None, description="Seconds that links given to workers last; 7200, or what the longest chain needs."
    )
    done_endpt: _Line | None = Field(
        None, description="Where the job's end is told: https://... by POST, or s3://... in the done bucket (AWS)."
    )


_JOB = TypeAdapter(JobRequest)


def parse_submission(text: str) -> JobRequest:
    """A job from YAML or JSON text. Raises Invalid with every fault and its place."""
    if len(text) > MAX_TEXT:
        raise Invalid(f"The job is longer than {MAX_TEXT:,} characters.")
    return parse_request(read_yaml(text))


def parse_request(data: object) -> JobRequest:
    """A job from decoded JSON. Raises Invalid with every fault and its place."""
    try:
        request = parse(_JOB, data, what="The job")
    except Invalid as refusal:
        orders = _legible_orders(data)
        graph = dag.faults(orders) if dag.count_dependencies(orders) <= MAX_DEPENDENCIES else ()
        raise Invalid(refusal.detail, [*refusal.faults, *graph]) from None
    faults = _size_faults(request) or list(dag.faults(request.orders)) or _chain_faults(request)
    if faults:
        raise Invalid("The job has faults.", faults)
    return request


@dataclass(frozen=True, slots=True)
class _Legible:
    """What can be read of an order that may have faults elsewhere."""

    order_name: str | None = None
    queue_id: str | None = None
    dependencies: Sequence[int | str] = ()


def _legible_orders(data: object) -> list[_Legible]:
    """Enough of a faulty job to find the faults of its graph too, so that one attempt shows them all."""
    orders = data.get("orders") if isinstance(data, dict) else None
    if not isinstance(orders, list) or len(orders) > MAX_ORDERS:
        return []
    return [_legible(each) if isinstance(each, dict) else _Legible() for each in orders]


def _legible(order: Mapping[str, object]) -> _Legible:
    name, queue_id, dependencies = order.get("order_name"), order.get("queue_id"), order.get("dependencies")
    references = dependencies if isinstance(dependencies, list) and len(dependencies) <= MAX_ORDERS else []
    return _Legible(
        order_name=name if isinstance(name, str) else None,
        queue_id=queue_id if isinstance(queue_id, str) else None,
        # One of a wrong type has its own fault, and hides those of its neighbours rather than misplace them.
        dependencies=references if all(_is_reference(each) for each in references) else (),
    )


def _is_reference(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _size_faults(request: JobRequest) -> list[Fault]:
    """A queue_id can stand for many orders, so it is the resolved dependencies that are counted."""
    count = dag.count_dependencies(request.orders)
    if count <= MAX_DEPENDENCIES:
        return []
    return [Fault("orders", f"must not have more than {MAX_DEPENDENCIES:,} dependencies in all; there are {count:,}")]


def _chain_faults(request: JobRequest) -> list[Fault]:
    if request.presign_expiry is None:
        return []
    needed = dag.longest_chain([order.timeout for order in request.orders], dag.resolve(request.orders))
    if request.presign_expiry >= needed:
        return []
    return [Fault("presign_expiry", f"must be at least {needed}: so long can the longest chain of orders take")]
