"""Our Chalice: who calls, what they may, and what they are answered, the same for the API and for the pages.

Chalice keeps the current request in a plain attribute, which threads overwrite for each other; here it is a ContextVar.
"""

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from chalice import app as chalice

from chalicelib import accesslog, journal
from chalicelib.accounts.model import Caller
from chalicelib.accounts.permissions import Permission, require
from chalicelib.documents import ConditionFailed
from chalicelib.errors import Conflict, MillraceError, NotFound, TooMany
from chalicelib.exchange import Answer, Request, decode_parameter, read_request
from chalicelib.limits import rates
from chalicelib.wiring import Ports

log = logging.getLogger(__name__)

_chalice_request: ContextVar[chalice.Request | None] = ContextVar("chalice_request", default=None)
_lambda_context: ContextVar[Any] = ContextVar("lambda_context", default=None)
_request: ContextVar[Request] = ContextVar("request")

SERVER_FAULT = 500
TENANT_PARAMETER = "tenant_id"
LONG_TEXT = 1_000_000
"""Bytes from which text leaves a Lambda as base64 too: control characters take six times their place in its JSON."""
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class InternalError(MillraceError):
    """What a caller sees of a fault of ours: nothing but the request id that finds it in the log."""

    def __init__(self) -> None:
        super().__init__("The fault is ours and was recorded. Name the request id when you report it.")


class Door(Protocol):
    """How a family of routes (the API, the pages) lets callers in and turns them away."""

    def admit(self, request: Request) -> Caller:
        """Raises NotSignedIn."""
        ...

    def refuse(self, request: Request, error: MillraceError) -> Answer: ...


Handler = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """Without a `permission` it is public. `description` is what OpenAPI says of it; None leaves it out there."""

    method: str
    path: str
    handler: Handler
    permission: Permission | None
    door: Door
    description: Any = None

    @property
    def public(self) -> bool:
        return self.permission is None


class Blueprint(chalice.Blueprint):
    """Routes behind one door. Each says which permission it takes, or `public=True`.

    A handler is called with the Request and the decoded path parameters by name, and returns an Answer or raises.
    """

    def __init__(self, import_name: str, door: Door) -> None:
        super().__init__(import_name)
        self.door = door
        self.table: list[Route] = []

    def route(  # type: ignore[override]  # Chalice's takes any keyword; ours are fewer
        self,
        path: str,
        *,
        methods: tuple[str, ...] = ("GET",),
        permission: Permission | None = None,
        public: bool = False,
        description: Any = None,
    ) -> Callable[[Handler], Handler]:
        if public == (permission is not None):
            raise ValueError(f"{path} must say which permission it takes, or that it is public")

        def add(handler: Handler) -> Handler:
            self.table += [Route(method, path, handler, permission, self.door, description) for method in methods]
            return handler

        return add

    def register(self, app: chalice.Chalice, options: dict[str, Any]) -> None:
        super().register(app, options)
        # Chalice's own registration of routes consumes its arguments: a blueprint could join one application only.
        for each in self.table:
            name = f"{each.handler.__name__}_{each.method.lower()}"
            app.route(each.path, methods=[each.method], content_types=[], name=name)(_view(each))


class _Handler(chalice.RestAPIEventHandler):
    def _validate_binary_response(self, *_: Any) -> bool:
        # Chalice answers 400 where a client did not ask for binary in so many words; ours decides by the body alone.
        return True


class _Response(chalice.Response):
    """Leaves bytes alone: at home they are sent as they are, and only a Lambda needs them as text."""

    def to_dict(self, _: list[str] | None = None) -> dict[str, Any]:
        many = {name: value for name, value in self.headers.items() if isinstance(value, list)}
        one = {name: value for name, value in self.headers.items() if not isinstance(value, list)}
        return {"statusCode": self.status_code, "headers": one, "multiValueHeaders": many, "body": self.body}

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body, answer.headers, answer.status)


class Application(chalice.Chalice):
    """`connect` is called once, at the first request. `outside` answers for addresses that no route has."""

    def __init__(self, connect: Callable[[], Ports], *, outside: Door) -> None:
        super().__init__("millrace", configure_logs=False, env={})
        # Else API Gateway takes every body for text, and harms those that are not.
        self.api.binary_types = ["*/*"]
        self.table: list[Route] = []
        self._outside = outside
        self._connect = connect
        self._connecting = threading.Lock()
        self._ports: Ports | None = None

    @property
    def ports(self) -> Ports:
        if self._ports is None:
            with self._connecting:
                self._ports = self._ports or self._connect()
        return self._ports

    @property
    def current_request(self) -> chalice.Request | None:  # type: ignore[override]  # Chalice's is a plain attribute
        return _chalice_request.get()

    @property
    def lambda_context(self) -> Any:  # type: ignore[override]  # the same
        return _lambda_context.get()

    def register_blueprint(
        self, blueprint: chalice.Blueprint, name_prefix: str | None = None, url_prefix: str | None = None
    ) -> None:
        super().register_blueprint(blueprint, name_prefix, url_prefix)
        if isinstance(blueprint, Blueprint):
            self.table += blueprint.table

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """The Lambda entry: bodies that are no text, or a long one, leave as base64."""
        answer = self.answer(event, context)
        body: bytes = answer["body"]
        try:
            if len(body) < LONG_TEXT:
                return {**answer, "body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
        return {**answer, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The answer to an API Gateway v1 event, its body as bytes; one line in the access log."""
        start = time.perf_counter()
        _lambda_context.set(context)
        handler = _Handler(self.routes, self.api, self.log, debug=False)
        received = handler.create_request_object(event, context)
        _chalice_request.set(received)
        body = received.raw_body if received else b""
        request = read_request(event, body if isinstance(body, bytes) else body.encode(), self.ports)
        _begin(request)
        if request.route in self.routes and request.method in self.routes[request.route]:
            answer: dict[str, Any] = handler(event, context)
        else:
            error = NotFound("There is nothing at this address.")
            answer = _finish(request, self._outside.refuse(request, error)).to_dict()
        _record(request, answer["statusCode"], time.perf_counter() - start)
        return answer

    def refuse(self, event: dict[str, Any], error: MillraceError) -> dict[str, Any]:
        """The answer to a request that reached no route."""
        start = time.perf_counter()
        request = read_request(event, b"", self.ports)
        _begin(request)
        answer = _finish(request, self._outside.refuse(request, error)).to_dict()
        _record(request, answer["statusCode"], time.perf_counter() - start)
        return answer


def current() -> Request:
    """The request that this thread answers."""
    return _request.get()


def _begin(request: Request) -> None:
    _request.set(request)
    journal.request_id.set(request.request_id)


def _record(request: Request, status: int, seconds: float) -> None:
    accesslog.write(request.ports.clock, accesslog.line_of(request, status, seconds))


def _view(route: Route) -> Callable[..., chalice.Response]:
    def view(**raw: str) -> chalice.Response:
        request = current()
        return _finish(request, _answer(route, request, raw))

    return view


def _answer(route: Route, request: Request, raw: Mapping[str, str]) -> Answer:
    try:
        parameters = {name: decode_parameter(value) for name, value in raw.items()}
        request.path_tenant = parameters.get(TENANT_PARAMETER, "")
        if route.permission is not None:
            request.admitted = route.door.admit(request)
            _count(request)
            require(request.caller, route.permission)
        answer = route.handler(request, **parameters)
        answer.check()
    except ConditionFailed:
        return route.door.refuse(request, Conflict("Somebody changed it at the same moment; try again."))
    except MillraceError as error:
        if error.status >= SERVER_FAULT:
            log.exception("A request failed")
        return route.door.refuse(request, error)
    except Exception:
        log.exception("A request failed")
        return route.door.refuse(request, InternalError())
    return answer


def _count(request: Request) -> None:
    """Raises TooMany once the tenant has sent as many requests as it may."""
    rate = rates.take(request.ports, request.caller)
    if rate is None:
        return
    request.told.update(rate.headers())
    if rate.retry_after:
        raise TooMany("The organisation sends more requests than its limit allows.", rate.retry_after)


def _finish(request: Request, answer: Answer) -> chalice.Response:
    answer.headers = {**SECURITY_HEADERS, **answer.headers, **request.told, "X-Request-Id": request.request_id}
    if request.ports.settings.secure_cookies:
        answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    return _Response(answer)
