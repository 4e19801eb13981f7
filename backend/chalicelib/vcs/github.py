"""Comments on GitHub, where a pull request's are those of the issue of its number."""

from chalicelib.vcs import Place
from chalicelib.vcs.http import Caller


class GitHubComments:
    def __init__(self, api: str) -> None:
        """`api` is https://api.github.com, or https://host/api/v3 of a server of one's own."""
        self._caller = Caller(api, "GitHub")

    def find(self, place: Place, marker: str, token: str) -> str:
        return self._caller.search(_comments(place), _headers(token), marker)

    def create(self, place: Place, text: str, token: str) -> str:
        return str(self._caller.ask("POST", _comments(place), _headers(token), {"body": text}, again=False)["id"])

    def edit(self, place: Place, comment_id: str, text: str, token: str) -> None:
        path = f"/repos/{place.repository.path}/issues/comments/{comment_id}"
        self._caller.ask("PATCH", path, _headers(token), {"body": text})


def _comments(place: Place) -> str:
    return f"/repos/{place.repository.path}/issues/{place.number}/comments"


def _headers(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
