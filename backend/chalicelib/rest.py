"""Routes of the API: typed bodies and queries, problems, idempotency keys, entity tags, all recorded for OpenAPI.

The API takes access tokens in the `Authorization` header and nothing else: a cookie does not sign a caller in here, so
that no other site can act for somebody who is signed in on the pages.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from chalicelib import idempotency, web
from chalicelib.accounts.model import Caller
from chalicelib.accounts.operations import authenticate
from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Query, check_media_type, check_size, read_json
from chalicelib.errors import Fault, Invalid, MillraceError, NotSignedIn, PreconditionFailed
from chalicelib.exchange import JSON, Answer, Request
from chalicelib.problems import problem_answer
from chalicelib.validation import parse

T = TypeVar("T")
WRITES = frozenset({"POST", "PATCH"})
TENANT_HEADER = "x-tenant-id"


@dataclass(frozen=True, slots=True)
class Body(Generic[T]):
    """How a body is read. `schema` is the type that OpenAPI shows; `readers` say how each media type becomes `T`."""

    schema: Any
    readers: Mapping[str, Callable[[bytes], T]]
    required: bool = True
    examples: Mapping[str, Any] = field(default_factory=dict)

    def read(self, request: Request) -> T:
        check_size(request.body)
        kind = check_media_type(request.headers.get("content-type", ""), tuple(self.readers))
        return self.readers[kind](request.body)


def json_body(type_: type[T], *, required: bool = True, example: Any = None) -> Body[T]:
    """A JSON body of this type; when it is not required, none is the same as `{}`."""
    adapter = TypeAdapter(type_)

    def read(body: bytes) -> T:
        return parse(adapter, read_json(body) if body or required else {}, what="The body")

    return Body(type_, {JSON: read}, required=required, examples={"example": example} if example else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What OpenAPI says of a route. `answers` maps each status of success to its type; None is an empty body."""

    summary: str
    details: str
    group: str
    answers: Mapping[int, Any]
    errors: tuple[int, ...]
    body: Body[Any] | None
    query: type[Query] | None
    media_type: str
    headers: Mapping[str, str]
    idempotent: bool
    failure: Any = None
    """What errors look like where they are no problems (RFC 9457)."""


class Bearer:
    """The API's door."""

    def admit(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedIn("Send an access token: `Authorization: Bearer ...`. POST /api/login answers with one.")
        return authenticate(request.ports, token.strip(), _tenant_of(request), request.origin)

    def refuse(self, request: Request, error: MillraceError) -> Answer:
        return problem_answer(request, error)


def _tenant_of(request: Request) -> str:
    """The tenant that the caller names, by the path or by a header; empty for their usual one."""
    named = request.headers.get(TENANT_HEADER, "").strip()
    if named and request.path_tenant not in ("", named):
        raise Invalid("The path and X-Tenant-Id name two organisations.")
    return request.path_tenant or named


class Blueprint(web.Blueprint):
    """Routes of one part of the API. `group` is its heading in the documents."""

    def __init__(self, import_name: str, *, group: str) -> None:
        super().__init__(import_name, Bearer())
        self._group = group

    def api(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        details: str = "",
        permission: Permission | None = None,
        public: bool = False,
        body: Body[Any] | None = None,
        query: type[Query] | None = None,
        answers: Mapping[int, Any],
        errors: tuple[int, ...] = (),
        media_type: str = JSON,
        headers: Mapping[str, str] | None = None,
        secret: bool = False,
        failure: Any = None,
    ) -> Callable[[web.Handler], web.Handler]:
        """Handlers take the Request, `body=` and `query=` where declared, and the path parameters by name.

        A `secret` answer is not kept for repetitions of its request.
        """
        described = Description(
            summary=summary,
            details=details,
            group=self._group,
            answers=answers,
            errors=errors,
            body=body,
            query=query,
            media_type=media_type,
            headers=headers or {},
            idempotent=method in WRITES and not public and not secret,
            failure=failure,
        )

        def add(handler: web.Handler) -> web.Handler:
            made = self.route(path, methods=(method,), permission=permission, public=public, description=described)
            made(_handler(handler, described))
            return handler

        return add


def _handler(handler: web.Handler, described: Description) -> web.Handler:
    read_query = _query_reader(described.query)

    def act(request: Request, parameters: Mapping[str, str]) -> Answer:
        inputs: dict[str, Any] = read_query(request)
        if described.body:
            inputs["body"] = described.body.read(request)
        return handler(request, **inputs, **parameters)

    def handle(request: Request, **parameters: str) -> Answer:
        if described.idempotent and (key := request.headers.get("idempotency-key")) is not None:
            return idempotency.once(request, key, lambda: _guarded(act, request, parameters))
        return _tagged(request, act(request, parameters))

    handle.__name__ = handler.__name__
    return handle


def _guarded(act: Callable[..., Answer], request: Request, parameters: Mapping[str, str]) -> Answer:
    """Refusals are answers too: a repeated request gets the first one's."""
    try:
        return act(request, parameters)
    except MillraceError as error:
        if error.status >= web.SERVER_FAULT:
            raise
        return problem_answer(request, error)


def _query_reader(type_: type[Query] | None) -> Callable[[Request], dict[str, Any]]:
    adapter = TypeAdapter(type_) if type_ else None

    def read(request: Request) -> dict[str, Any]:
        faults = [Fault(name, "is given more than once") for name, all_ in request.query.items() if len(all_) > 1]
        if adapter is None:
            faults += [Fault(name, "is not a parameter of this address") for name in request.query]
        if faults:
            raise Invalid("The query has faults.", faults)
        if adapter is None:
            return {}
        return {"query": parse(adapter, {name: values[0] for name, values in request.query.items()}, what="The query")}

    return read


def _tagged(request: Request, answer: Answer) -> Answer:
    """The answer with its entity tag, or 304 where the caller has it already."""
    if request.method != "GET" or answer.status != 200:  # noqa: PLR2004 - OK; other answers are not compared
        return answer
    tag = etag(answer.body)
    answer.headers |= {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _names_tag(request.headers.get("if-none-match", ""), tag):
        return Answer(b"", 304, {name: answer.headers[name] for name in ("ETag", "Cache-Control")})
    return answer


def etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def check_match(request: Request, current: Callable[[], bytes]) -> None:
    """Hold an edit to the If-Match of the caller; `current` is the body that GET answers now."""
    wanted = request.headers.get("if-match")
    if wanted is not None and not _names_tag(wanted, etag(current())):
        raise PreconditionFailed(
            "It is no longer what you read. Read it again, then repeat the change if it still fits."
        )


def _names_tag(header: str, tag: str) -> bool:
    names = {each.strip().removeprefix("W/") for each in header.split(",")}
    return "*" in names or tag in names


def next_link(request: Request, cursor: str | None) -> dict[str, str | list[str]]:
    """The Link header that leads to the next page; nothing on the last one."""
    if cursor is None:
        return {}
    query = [(name, values[0]) for name, values in request.query.items() if name != "cursor"] + [("cursor", cursor)]
    return {"Link": f'<{request.base}{quote(request.path)}?{urlencode(query)}>; rel="next"'}
