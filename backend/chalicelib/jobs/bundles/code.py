"""The code an order runs on: an object, a folder of objects, or a commit of git; none where it has commands alone."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from chalicelib.errors import Invalid, NotFound
from chalicelib.jobs.bundles import git
from chalicelib.jobs.bundles.archives import Files, of_names, pack, unpack
from chalicelib.jobs.bundles.environment import read_location
from chalicelib.jobs.bundles.git import Commit
from chalicelib.jobs.model import Job, Order
from chalicelib.wiring import Ports

_HASH = 40


class Codes:
    """The code of a job's orders, each source of it read once. Raises MillraceErrors that the submitter may see."""

    def __init__(self, ports: Ports, job: Job) -> None:
        self._ports = ports
        self._job = job
        self._read: dict[tuple[str, ...], Files] = {}

    def of(self, order: Order) -> Files:
        wanted = order.spec.settings
        if location := wanted.get("s3_location"):
            return self._once((str(location),), lambda: _of_objects(self._ports, str(location)))
        repository = str(wanted.get("git_repo") or _of_job(self._job, wanted) or "")
        if not repository:
            return {}
        revision = str(wanted.get("commit_hash") or self._job.settings.get("commit_hash") or "")
        commit = self._once((repository, revision), lambda: _of_git(self._ports, self._job, repository, revision))
        return _below(commit, str(wanted.get("git_folder") or ""))

    def _once(self, source: tuple[str, ...], read: Callable[[], Files]) -> Files:
        if source not in self._read:
            self._read[source] = read()
        return self._read[source]


def _of_job(job: Job, wanted: Mapping[str, object]) -> object:
    """The job's repository, which may also be there for its comments alone: an order or the job says what to take."""
    meant = wanted.get("git_folder") or wanted.get("commit_hash") or job.settings.get("commit_hash")
    return job.settings.get("git_repo") if meant else ""


def _of_objects(ports: Ports, location: str) -> Files:
    found = dict(ports.sources.files(location))
    if location.endswith(".zip"):
        return unpack(next(iter(found.values())))
    return of_names(found)


def _of_git(ports: Ports, job: Job, repository: str, revision: str) -> Files:
    """Kept for a day per repository and commit, and never for another tenant, or for other credentials."""
    key = _cache_key(job, repository, revision)
    if key:
        try:
            return unpack(ports.objects.get(key))
        except NotFound:
            pass
    commit = Commit(
        repository=repository,
        revision=revision,
        token=_secret(ports, job, "git_token_location"),
        ssh_key=_secret(ports, job, "git_ssh_key_location"),
    )
    files = git.fetch(commit, allowed=ports.settings.webhook_hosts)
    if key:
        ports.objects.put(key, pack(files), replace=True)
    return files


def _cache_key(job: Job, repository: str, revision: str) -> str:
    """Empty for a branch or a tag, which may mean another commit by now."""
    if len(revision) != _HASH:
        return ""
    rights = (job.settings.get("git_token_location", ""), job.settings.get("git_ssh_key_location", ""))
    place = sha256(repr((repository, *rights)).encode()).hexdigest()[:32]
    return f"tmp/git/{job.tenant_id}/{place}/{revision.lower()}.zip"


def _secret(ports: Ports, job: Job, setting: str) -> str:
    location = job.settings.get(setting)
    return read_location(ports, str(location)) if location else ""


def _below(files: Files, folder: str) -> Files:
    if not (inner := folder.strip("/")):
        return files
    found = {name.removeprefix(f"{inner}/"): file for name, file in files.items() if name.startswith(f"{inner}/")}
    if not found:
        raise Invalid(f"The commit has no folder `{folder}`.")
    return found
