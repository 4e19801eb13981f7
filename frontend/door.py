"""How the pages let visitors in, and what they say to those they turn away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.accounts.model import Caller
from chalicelib.errors import Conflict, MillraceError, NotSignedIn, TooMany
from chalicelib.exchange import Answer, Headers, Request
from chalicelib.problems import MethodNotAllowed
from chalicelib.web import SERVER_FAULT
from frontend import session, visit
from frontend.rendering import Addresses


class PagesDoor:
    def admit(self, request: Request) -> Caller:
        return visit.admit(request)

    def refuse(self, request: Request, error: MillraceError) -> Answer:
        here = visit.visit_of(request)
        if isinstance(error, NotSignedIn) and not here.refreshing:
            asked = _address(request) if request.method == "GET" else ""
            return here.go_to("/login", next=asked)
        request.admitted = request.admitted or visit.who(request)
        advice = _advice(error)
        return here.page(
            "error.html",
            status=error.status,
            headers=_headers(error),
            heading=advice.heading,
            detail=error.detail,
            advice=advice.next_step,
            ways=list(_ways(request, error, advice)),
            faults=error.faults,
            request_id=request.request_id,
        )


def _address(request: Request) -> str:
    query = {name: values[0] for name, values in request.query.items() if values}
    return Addresses()(request.path, **query)


Way = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Advice:
    heading: str
    next_step: str
    again: bool = False


_FORGED = Advice(
    "This form is out of date", "Open the page again and send it once more; nothing was changed.", again=True
)
_BROKEN = Advice(
    "Something broke on our side",
    "Nothing you did was wrong. Try again; if it stays so, report the request's number.",
    again=True,
)
_ADVICE: Mapping[int, Advice] = {
    403: Advice("You may not do this", "Somebody with another role in your organisation can."),
    404: Advice("Not found", "It may be deleted, belong to another organisation, or be mistyped."),
    405: Advice("Not this way", "The address exists, but not for what was sent to it."),
    409: Advice("Not now", "Look at its present state, then decide again."),
    413: Advice("Too large", "Send less, or let an order fetch it from where it is."),
    429: Advice("Too many tries", "Wait as long as it says, then try again.", again=True),
}


def _advice(error: MillraceError) -> Advice:
    if isinstance(error, session.Forged):
        return _FORGED
    if error.status >= SERVER_FAULT:
        return _BROKEN
    return _ADVICE.get(error.status) or Advice(error.title, "Go back, mend it, and send it again.")


def _ways(request: Request, error: MillraceError, advice: Advice) -> Iterator[Way]:
    url = Addresses(request.base)
    if advice.again:
        yield url(request.path), "Try again"
    if isinstance(error, Conflict) and request.path.count("/") > 2:  # noqa: PLR2004 - /jobs/X of /jobs/X/cancel
        yield url(request.path.rpartition("/")[0]), "Look at it"
    yield (url("/jobs"), "To the jobs") if request.admitted else (url("/"), "To the start")


def _headers(error: MillraceError) -> Headers:
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    return {}
