"""Comments on GitLab, which calls them notes."""

from urllib.parse import quote

from chalicelib.vcs import Place
from chalicelib.vcs.http import Caller


class GitLabComments:
    def __init__(self, api: str) -> None:
        """`api` is https://gitlab.com/api/v4, or the same of a server of one's own."""
        self._caller = Caller(api, "GitLab")

    def find(self, place: Place, marker: str, token: str) -> str:
        return self._caller.search(_notes(place), _headers(token), marker)

    def create(self, place: Place, text: str, token: str) -> str:
        return str(self._caller.ask("POST", _notes(place), _headers(token), {"body": text}, again=False)["id"])

    def edit(self, place: Place, comment_id: str, text: str, token: str) -> None:
        self._caller.ask("PUT", f"{_notes(place)}/{comment_id}", _headers(token), {"body": text})


def _notes(place: Place) -> str:
    project = quote(place.repository.path, safe="")
    kind = "issues" if place.issue else "merge_requests"
    return f"/projects/{project}/{kind}/{place.number}/notes"


def _headers(token: str) -> dict[str, str]:
    return {"PRIVATE-TOKEN": token}
