"""A request as handlers see it, and an answer as they give it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from chalicelib.accounts.model import Caller, Origin
from chalicelib.errors import Invalid, MillraceError, NotFound, NotSignedIn
from chalicelib.wiring import Ports

ANSWER_LIMIT = 4_500_000
"""Bytes, as of a request's body."""
USER_AGENT_KEPT = 300
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:/+=-]{1,100}")
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")


@dataclass(slots=True, kw_only=True)
class Request:
    """`path` is without `base`, which stands before every path (the stage of an API Gateway; empty at home).

    Names in `headers` are lower-case. `address` is the caller's network address. `path_tenant` is the tenant that the
    path names, if any.
    """

    ports: Ports
    method: str
    path: str
    route: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    trace_id: str = ""
    address: str = ""
    base: str = ""
    admitted: Caller | None = None
    claimed_id: str = ""
    path_tenant: str = ""
    told: dict[str, str] = field(default_factory=dict)
    """Headers of the answer, whatever it is."""

    @property
    def origin(self) -> Origin:
        return Origin(self.request_id, self.address, self.headers.get("user-agent", "")[:USER_AGENT_KEPT])

    @property
    def caller(self) -> Caller:
        if self.admitted is None:
            raise NotSignedIn("Sign in first.")
        return self.admitted

    def new_id(self) -> str:
        """Id of the thing this request makes: the same one when the request is repeated with its Idempotency-Key."""
        return self.claimed_id or self.ports.clock.new_id()

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default


def read_request(event: Mapping[str, Any], body: bytes, ports: Ports) -> Request:
    """From an API Gateway v1 event."""
    context = event["requestContext"]
    headers = {name.lower(): value for name, value in (event["headers"] or {}).items()}
    wanted = headers.get("x-request-id", "")
    trace = _TRACE.fullmatch(headers.get("traceparent", ""))
    path = event["path"]
    outer = context.get("path", path)
    return Request(
        ports=ports,
        method=context["httpMethod"],
        path=path,
        route=context["resourcePath"],
        query=event["multiValueQueryStringParameters"] or {},
        headers=headers,
        body=body,
        request_id=wanted if _REQUEST_ID.fullmatch(wanted) else ports.clock.new_id(),
        trace_id=trace[1] if trace else "",
        address=context.get("identity", {}).get("sourceIp", ""),
        base=outer.removesuffix(path) if outer != path else "",
    )


def decode_parameter(raw: str) -> str:
    """A path parameter as it was meant. API Gateway hands them over percent-encoded."""
    if "%" not in raw:
        return raw
    try:
        text = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise Invalid("The path is not UTF-8.") from None
    if _CONTROL.search(text):
        raise NotFound("There is nothing at this address.")
    return text


class TooLargeAnswer(MillraceError):
    """Lambda's limit, kept at home too, so that nothing works in one home only."""

    status = 500
    type = "answer-too-large"
    title = "The answer is too large to be sent whole"


Headers = dict[str, str | list[str]]


@dataclass(slots=True)
class Answer:
    """A header with a list of values is sent once for each (Set-Cookie)."""

    body: bytes = b""
    status: int = 200
    headers: Headers = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be sent. What would split the answer is a ValueError: only a fault of ours brings it."""
        for name, value in self.headers.items():
            for each in (name, value) if isinstance(value, str) else (name, *value):
                if _CONTROL.search(each) or not each.isascii():
                    raise ValueError(f"The header {name!r} cannot be sent")
        if len(self.body) > ANSWER_LIMIT:
            raise TooLargeAnswer("It is larger than 4.5 MB: read it in parts, or by its link.")


JSON = "application/json"


def dump(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_UTC_Z)


def json_answer(data: Any, status: int = 200, headers: Headers | None = None) -> Answer:
    return Answer(dump(data), status, {"Content-Type": JSON, **(headers or {})})


def text_answer(text: bytes, headers: Headers | None = None) -> Answer:
    return Answer(text, 200, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})


def html_answer(html: str, status: int = 200, headers: Headers | None = None) -> Answer:
    return Answer(html.encode(), status, {"Content-Type": "text/html; charset=utf-8", **(headers or {})})


def redirect(url: str, status: int = 303) -> Answer:
    return Answer(b"", status, {"Location": url})


def no_content() -> Answer:
    return Answer(b"", 204)
