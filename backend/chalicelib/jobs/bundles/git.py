"""A commit of a git repository as files, fetched without a working copy, a git program, or its history."""

import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from chalicelib import outbound
from chalicelib.errors import Invalid, MillraceError, Unavailable
from chalicelib.jobs.bundles.archives import EXECUTABLE, LINK, PLAIN, File

if TYPE_CHECKING:
    from dulwich.client import GitClient
    from dulwich.repo import MemoryRepo

PATIENCE = 30.0
"""Seconds that a server may be silent."""
LARGEST = 250_000_000
_HASH = 40
_SCP = re.compile(r"(?P<user>[A-Za-z0-9_.]+)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[A-Za-z0-9/~_.][^:]*)")
_SSH_URL = re.compile(r"ssh://(?P<user>[A-Za-z0-9_.]+)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)(?P<path>/[^:]+)")
_SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/dev/null -o ConnectTimeout=10"


class CannotFetch(Unavailable):
    """Never with a token, a key or an address with either in its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """`revision`: a full hash, a branch or a tag; empty for the branch that the server puts first."""

    repository: str
    revision: str = ""
    token: str = ""
    ssh_key: str = ""


def fetch(commit: Commit, *, allowed: frozenset[str]) -> dict[str, File]:
    """All files of the commit. `allowed` hosts may be private. Raises Invalid or CannotFetch."""
    with _client(commit, allowed) as (client, path):
        from dulwich.repo import MemoryRepo  # noqa: PLC0415 - only where code comes from git

        repository = MemoryRepo()
        try:
            return _fetch(client, path, repository, commit)
        except MillraceError:
            raise
        except Exception as error:  # noqa: BLE001 - what a client and two transports may raise, whose words may quote secrets
            raise CannotFetch(f"Fetching {shown(commit.repository)} failed: {_told(error, commit)}") from None
        finally:
            repository.close()


def shown(repository: str) -> str:
    """The address without what may stand before its host, or behind a question mark."""
    if "://" not in repository:
        return repository.rsplit("@", 1)[-1]
    parts = urlsplit(repository)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _fetch(client: "GitClient", path: str, repository: "MemoryRepo", commit: Commit) -> dict[str, File]:
    wanted: list[bytes] = []

    def determine_wants(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:  # noqa: ARG001
        wanted.extend(_resolve(refs, commit.revision.encode()))
        return wanted

    client.fetch(path.encode(), repository, determine_wants=determine_wants, depth=1)
    if not wanted:
        told = f"{shown(commit.repository)} has no `{commit.revision or 'HEAD'}`"
        raise Invalid(f"{told}: give a full commit hash, a branch or a tag.")
    found = repository.object_store[wanted[0]]  # type: ignore[index]  # dulwich has types of its own for hashes
    while found.type_name == b"tag":
        found = repository.object_store[found.object[1]]  # type: ignore[attr-defined]
    return dict(_files(repository, found.tree))  # type: ignore[attr-defined]


def _resolve(refs: Mapping[bytes, bytes | None], name: bytes) -> list[bytes]:
    """The one commit or tag that is meant, if there is one."""
    if len(name) == _HASH and all(each in b"0123456789abcdef" for each in name.lower()):
        return [name.lower()]
    named = (name, b"refs/heads/" + name, b"refs/tags/" + name) if name else (b"HEAD",)
    return [found for each in named if (found := refs.get(each))][:1]


def _files(repository: "MemoryRepo", tree: Any) -> Iterator[tuple[str, File]]:
    from dulwich.object_store import iter_tree_contents  # noqa: PLC0415 - as above

    left = LARGEST
    for entry in iter_tree_contents(repository.object_store, tree):
        if stat.S_IFMT(entry.mode or 0) not in (stat.S_IFREG, stat.S_IFLNK):
            # A submodule, which is another repository.
            continue
        content = repository.object_store[entry.sha].as_raw_string()
        left -= len(content)
        if left < 0:
            raise Invalid(f"Code of an order is at most {LARGEST:,} bytes.")
        yield entry.path.decode(), File(content, _mode(entry.mode or 0))


def _mode(mode: int) -> int:
    if stat.S_ISLNK(mode):
        return LINK
    return EXECUTABLE if mode & 0o100 else PLAIN


@contextmanager
def _client(commit: Commit, allowed: frozenset[str]) -> Iterator[tuple["GitClient", str]]:
    from dulwich.client import HttpGitClient, SSHGitClient  # noqa: PLC0415 - as above
    from urllib3 import PoolManager, Retry, Timeout  # noqa: PLC0415

    if commit.repository.startswith(("https://", "http://")):
        _check(commit.repository, allowed)
        user, _, password = commit.token.rpartition(":")
        parts = urlsplit(commit.repository)
        base = f"{parts.scheme}://{parts.netloc}"
        user = (user or "x-access-token") if password else ""
        # A redirect could lead where the address itself may not.
        with ExitStack() as left, PoolManager(timeout=Timeout(PATIENCE), retries=Retry(3, redirect=0)) as pool:
            # Answers that the client does not want to read it leaves open.
            ask = pool.urlopen
            pool.urlopen = lambda *named, **more: left.enter_context(closing(ask(*named, **more)))  # type: ignore[method-assign]
            client = HttpGitClient(
                base, pool_manager=pool, timeout=PATIENCE, quiet=True, username=user or None, password=password or None
            )
            yield client, parts.path
        return
    user, host, path = _ssh_address(commit.repository)
    _check(f"https://{host}/", allowed)
    with tempfile.NamedTemporaryFile("w") as key:
        key.write(f"{commit.ssh_key.rstrip()}\n")
        key.flush()
        yield SSHGitClient(host, username=user, key_filename=key.name, ssh_command=_SSH, quiet=True), path


def _check(repository: str, allowed: frozenset[str]) -> None:
    """Raises Invalid for what is not public: this is our network, and the address is a submitter's."""
    try:
        outbound.check_url(repository, allowed=allowed, place="git_repo")
        outbound.check_resolved(repository, allowed=allowed)
    except outbound.NotSent as error:
        raise CannotFetch(f"{shown(repository)}: {error}") from None


def _ssh_address(repository: str) -> tuple[str, str, str]:
    """User, host and path of `git@host:path` or `ssh://git@host/path`."""
    found = _SCP.fullmatch(repository) or _SSH_URL.fullmatch(repository)
    if found is None:
        raise Invalid("git_repo must look like https://host/path or git@host:path.")
    return found["user"], found["host"], found["path"]


def _told(error: Exception, commit: Commit) -> str:
    """What may be said of a failure: its kind, and its words where nothing secret is in them."""
    words = str(error).strip() or type(error).__name__
    secret = (commit.token.rpartition(":")[2], commit.ssh_key.strip(), urlsplit(commit.repository).password or "")
    if any(each and each in words for each in secret) or "@" in words:
        return type(error).__name__
    return f"{type(error).__name__}: {words[:300]}" if str(error).strip() else words
