"""What is said of a job where its change is discussed: one comment, which is what the job is now."""

import re
from collections.abc import Sequence

from chalicelib.errors import Fault
from chalicelib.jobs.flows import Flow, flow_id
from chalicelib.jobs.model import Job, JobStatus, Order
from chalicelib.jobs.submission import JobRequest
from chalicelib.vcs import Hosts, Place, read_repository

MOST_ROWS = 200
LONGEST_REASON = 100
_SIGNS = {
    JobStatus.QUEUED: "⏳",
    JobStatus.RUNNING: "▶️",
    JobStatus.SUCCEEDED: "✅",
    JobStatus.FAILED: "❌",
    JobStatus.TIMED_OUT: "⌛",
    JobStatus.CANCELLED: "⏹️",
    JobStatus.BUDGET_EXCEEDED: "❌",
}


def place_of(job: Job) -> Place | None:
    """Where its comment belongs; None for a job that names no pull request and no issue."""
    number = job.settings.get("pr_number") or job.settings.get("issue_number")
    repository = read_repository(str(job.settings.get("git_repo", "")))
    if not isinstance(number, int) or repository is None:
        return None
    return Place(repository, number, issue="pr_number" not in job.settings)


def faults_of(hosts: Hosts, request: JobRequest) -> list[Fault]:
    """Why a job could not have its comment."""
    if request.pr_number is None and request.issue_number is None:
        return []
    if request.pr_number is not None and request.issue_number is not None:
        return [Fault("issue_number", "must be left out where there is a pr_number")]
    place = "pr_number" if request.pr_number is not None else "issue_number"
    if not request.git_repo:
        return [Fault("git_repo", f"is required for a {place}")]
    repository = read_repository(request.git_repo)
    if repository is None:
        return [Fault("git_repo", "must be as https://github.com/acme/app")]
    if repository.host not in hosts:
        return [Fault("git_repo", f"must be at {' or '.join(hosts)} for a {place}")]
    return []


def search_tag(job: Job) -> str:
    return str(job.settings.get("pr_comment_search_tag", f"millrace-{job.job_id}"))


def marker(job: Job) -> str:
    """By it the job's own comment is found, also among others with the same search tag. Nobody sees it."""
    tag = re.sub(r"[<>]|--+", "-", search_tag(job))
    return f"<!-- {tag} {job.job_id} -->"


def render(job: Job, orders: Sequence[Order], address: str) -> str:
    """Markdown; `address` is the service's own."""
    flow = flow_id(Flow(job.username, job.trace_id, job.flow_label))
    counts = ", ".join(f"{count} {_word(status)}" for status, count in job.counts.items())
    warnings = f", {job.warnings} with a warning" if job.warnings else ""
    left = len(orders) - MOST_ROWS
    return "\n".join(
        [
            marker(job),
            f"### {_SIGNS[job.status]} Millrace: {_code(job.name)} is {_word(job.status)}",
            "",
            "| | |",
            "|---|---|",
            f"| search tag | {_code(search_tag(job))} |",
            f"| run_id | [{_code(job.job_id)}]({address}/jobs/{job.job_id}) |",
            f"| flow_id | {_code(flow)} |",
            f"| orders | {counts}{warnings} |",
            "",
            "| # | order | status | |",
            "|---|---|---|---|",
            *(_row(each) for each in orders[:MOST_ROWS]),
            *([f"\n... and {left} more orders."] if left > 0 else []),
        ]
    )


def _row(order: Order) -> str:
    reason = order.reason[:LONGEST_REASON] if order.status.ended else ""
    told = _code(reason) if reason else ""
    return f"| {order.number:04d} | {_code(order.name)} | {_word(order.status)} | {told} |"


def _word(status: str) -> str:
    return str(status).replace("_", " ")


def _code(text: str) -> str:
    """As code, in which neither markup nor a mention of somebody means anything."""
    plain = re.sub(r"[\x00-\x1f\x7f]+", " ", text).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`"
