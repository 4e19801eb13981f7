"""Comments over real HTTP, at a host of our own."""

import pytest

from chalicelib.errors import Unavailable
from chalicelib.vcs import Place, Refused, Repository, read_repository
from chalicelib.vcs.github import GitHubComments
from chalicelib.vcs.gitlab import GitLabComments
from tests.hosts import comment_host

pytestmark = pytest.mark.integration
TOKEN = "tok-3f9a"
PLACE = Place(Repository("github.com", "acme/app"), 7)


@pytest.fixture
def host():
    with comment_host() as made:
        yield made


@pytest.fixture(params=[GitHubComments, GitLabComments])
def comments(request, host):
    return request.param(host.url)


def test_a_comment_is_made_and_edited(host, comments):
    comment_id = comments.create(PLACE, "one", TOKEN)
    comments.edit(PLACE, comment_id, "two", TOKEN)
    assert host.texts == ["two"]


def test_a_comment_is_found_by_what_it_holds(comments):
    comments.create(PLACE, "another", TOKEN)
    comment_id = comments.create(PLACE, "with the mark in it", TOKEN)
    assert comments.find(PLACE, "the mark", TOKEN) == comment_id


def test_a_comment_on_a_later_page_is_found(comments):
    for number in range(101):
        comments.create(PLACE, f"comment {number:03d}", TOKEN)
    assert comments.find(PLACE, "comment 100", TOKEN)


def test_one_that_is_not_there_is_not_found(comments):
    comments.create(PLACE, "another", TOKEN)
    assert comments.find(PLACE, "the mark", TOKEN) == ""


def test_comments_of_an_issue_and_of_a_merge_request_are_two_things_on_gitlab(host):
    comments = GitLabComments(host.url)
    comments.create(Place(PLACE.repository, 7, issue=True), "of the issue", TOKEN)
    assert comments.find(PLACE, "of the issue", TOKEN) == ""


def test_the_token_goes_along(host, comments):
    comments.create(PLACE, "one", TOKEN)
    assert host.tokens[0].removeprefix("Bearer ") == TOKEN


def test_an_edit_that_fails_in_passing_is_tried_again(host, comments):
    comment_id = comments.create(PLACE, "one", TOKEN)
    host.sick = [502]
    comments.edit(PLACE, comment_id, "two", TOKEN)
    assert host.texts == ["two"]


@pytest.mark.parametrize("sickness", [502, 429, "cut"])
def test_a_creation_that_fails_in_passing_is_asked_once(host, comments, sickness):
    host.sick = [sickness]
    with pytest.raises(Unavailable):
        comments.create(PLACE, "one", TOKEN)
    assert host.methods == ["POST"]


def test_a_creation_whose_answer_was_lost_is_found(host, comments):
    host.sick = ["cut"]
    with pytest.raises(Unavailable):
        comments.create(PLACE, "one", TOKEN)
    assert comments.find(PLACE, "one", TOKEN) == "1"


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_what_the_host_refuses_is_refused_without_the_token(host, comments, status):
    host.sick = [status]
    with pytest.raises(Refused, match=str(status)) as refusal:
        comments.create(PLACE, "one", TOKEN)
    assert TOKEN not in str(refusal.value)


def test_a_host_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable, match="GitHub did not answer"):
        GitHubComments("http://127.0.0.1:1").create(PLACE, "one", TOKEN)


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/acme/app",
        "https://github.com/acme/app.git",
        "https://GitHub.com/acme/app/",
        "git@github.com:acme/app.git",
        "ssh://git@github.com/acme/app.git",
    ],
)
def test_a_repository_is_read_in_all_its_forms(address):
    assert read_repository(address) == Repository("github.com", "acme/app")


def test_a_repository_may_lie_in_groups():
    assert read_repository("https://gitlab.com/acme/tools/app") == Repository("gitlab.com", "acme/tools/app")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "acme/app",
        "https://github.com",
        "https://github.com/acme",
        "file:///etc/passwd",
        "https://github.com/acme/../app",
        "https://github.com/a b/c",
        "https://[::1/a/b",
    ],
)
def test_what_is_no_repository_is_none(address):
    assert read_repository(address) is None
