"""Errors as RFC 9457 problem details."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from chalicelib.errors import MillraceError, NotSignedIn, TooMany
from chalicelib.exchange import Answer, Request, dump

PROBLEM = "application/problem+json"
CATALOGUE = "/api/docs"


class FaultJson(TypedDict):
    """One thing wrong with the input: where, and what would mend it."""

    place: str
    message: str


class ProblemJson(TypedDict):
    """What went wrong (RFC 9457). `type` is stable and leads to a description."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    fields: NotRequired[list[FaultJson]]


class MethodNotAllowed(MillraceError):
    status = 405
    type = "method-not-allowed"
    title = "This address does not take that method"

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"{method} is not possible here; {', '.join(allowed)} is.")
        self.allowed = allowed


class WrongMediaType(MillraceError):
    status = 415
    type = "wrong-media-type"
    title = "The content type is not one that is read here"


def problem(error: MillraceError, request_id: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": f"{CATALOGUE}#{error.type}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "request_id": request_id,
    }
    if error.faults:
        told["fields"] = [{"place": each.place, "message": each.message} for each in error.faults]
    return told


def problem_answer(request: Request, error: MillraceError) -> Answer:
    return Answer(dump(problem(error, request.request_id)), error.status, {**problem_headers(error)})


def problem_headers(error: MillraceError) -> dict[str, str]:
    headers = {"Content-Type": PROBLEM}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="millrace"'
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    return headers
