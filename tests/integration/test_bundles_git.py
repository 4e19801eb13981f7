"""Code fetched from a real git server over HTTP, with and without a token."""

import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from chalicelib.errors import Invalid
from chalicelib.jobs.bundles import git
from chalicelib.jobs.bundles.archives import EXECUTABLE, LINK
from chalicelib.jobs.bundles.git import CannotFetch, Commit
from tests import make
from tests.far import FarHome, home_in_memory

pytestmark = pytest.mark.integration
HERE = frozenset({"127.0.0.1"})
TOKEN = "sesame-of-git"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Tests say what happened."""


class Server:
    """Serves one repository, and counts who asks. Those without the token are turned away."""

    def __init__(self, repository: Repo) -> None:
        self._serve = make_wsgi_chain(DictBackend({"/app.git": repository}))
        self.asked = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        self.asked += 1
        wanted = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if environ.get("HTTP_AUTHORIZATION") != f"Basic {wanted}":
            start_response("401 Unauthorized", [("WWW-Authenticate", "Basic"), ("Content-Length", "0")])
            return [b""]
        return self._serve(environ, start_response)


@pytest.fixture
def working_copy(tmp_path: Path) -> Iterator[Repo]:
    folder = tmp_path / "repository"
    (folder / "deploy").mkdir(parents=True)
    (folder / "README").write_text("read me")
    (folder / "deploy" / "run.sh").write_text("#!/bin/sh\necho deployed\n")
    (folder / "deploy" / "run.sh").chmod(0o755)
    (folder / "deploy" / "again").symlink_to("run.sh")
    with Repo.init(str(folder)) as repository:
        porcelain.add(repository, [str(folder / "README"), str(folder / "deploy")])
        porcelain.commit(repository, b"First", author=b"A <a@b.example>", committer=b"A <a@b.example>")
        yield repository


@pytest.fixture
def server(working_copy: Repo) -> Iterator[tuple[str, Server]]:
    application = Server(working_copy)
    with make_server("127.0.0.1", 0, application, WSGIServer, Quiet) as listening:
        serving = threading.Thread(target=listening.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{listening.server_port}/app.git", application
        listening.shutdown()
        serving.join()


@pytest.fixture
def home(tmp_path: Path) -> FarHome:
    home = home_in_memory(tmp_path)
    home.ports = replace(home.ports, settings=replace(home.ports.settings, webhook_hosts=HERE))
    home.sources.values["/git/token"] = TOKEN
    return home


def test_it_works(server: tuple[str, Server], working_copy: Repo) -> None:
    commit = Commit(repository=server[0], revision=working_copy.head().decode(), token=TOKEN)
    files = git.fetch(commit, allowed=HERE)
    assert files["README"].content == b"read me"
    assert files["deploy/run.sh"].mode == EXECUTABLE
    assert files["deploy/again"].mode == LINK


@pytest.mark.parametrize("revision", ["", "master"])
def test_a_branch_is_enough(server: tuple[str, Server], revision: str) -> None:
    assert "README" in git.fetch(Commit(repository=server[0], revision=revision, token=TOKEN), allowed=HERE)


def test_an_unknown_branch_is_refused(server: tuple[str, Server]) -> None:
    with pytest.raises(Invalid, match="has no `nowhere`"):
        git.fetch(Commit(repository=server[0], revision="nowhere", token=TOKEN), allowed=HERE)


@pytest.mark.parametrize("repository", ["{server}", "http://user:{token}-wrong@{host}"])
def test_no_error_tells_a_token(server: tuple[str, Server], repository: str) -> None:
    address = repository.format(server=server[0], token=TOKEN, host=server[0].removeprefix("http://"))
    with pytest.raises((CannotFetch, Invalid)) as refused:
        git.fetch(Commit(repository=address, revision="a" * 40, token=f"{TOKEN}-wrong"), allowed=HERE)
    assert TOKEN not in refused.value.detail
    assert TOKEN not in str(refused.value.__cause__)


def test_a_host_that_is_not_there_is_named_without_the_token() -> None:
    with pytest.raises(CannotFetch) as refused:
        git.fetch(Commit(repository="http://127.0.0.1:9/app.git", token=TOKEN), allowed=HERE)
    assert "http://127.0.0.1/app.git" in refused.value.detail
    assert TOKEN not in refused.value.detail


def test_an_order_runs_on_a_folder_of_a_commit(home: FarHome, server: tuple[str, Server], working_copy: Repo) -> None:
    commit = working_copy.head().decode()
    order = make.order(git_repo=server[0], git_folder="deploy", commit_hash=commit)
    job_id = home.submit(order, git_token_location="/git/token")
    names = [name for name in home.bundle(job_id).namelist() if name != "order.json"]
    assert names == ["code/again", "code/run.sh"]
    assert TOKEN.encode() not in b"".join(home.ports.objects.get(each.key) for each in home.ports.objects.list("tmp/"))


def test_a_commit_is_fetched_once_for_all_orders(home: FarHome, server: tuple[str, Server], working_copy: Repo) -> None:
    commit = working_copy.head().decode()
    fields = {"git_repo": server[0], "git_token_location": "/git/token", "commit_hash": commit}
    home.submit(make.order("a", git_folder="deploy"), **fields)
    asked = server[1].asked
    home.submit(make.order("b"), make.order("c", git_folder="deploy"), **fields)
    assert server[1].asked == asked


def test_a_folder_that_the_commit_lacks_is_told(home: FarHome, server: tuple[str, Server]) -> None:
    with pytest.raises(Invalid, match="no folder `nowhere`"):
        home.submit(make.order(git_repo=server[0], git_folder="nowhere"), git_token_location="/git/token")
