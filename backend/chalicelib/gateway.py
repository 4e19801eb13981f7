"""The home's stand-in for API Gateway: WSGI in, an API Gateway v1 event to the application, its answer out.

Chalice's own local server verifies no tokens, matches routes one by one and is not shipped; this is the product's.
"""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from chalicelib.application import create_app
from chalicelib.bodies import BODY_LIMIT
from chalicelib.errors import Invalid, MillraceError, NotFound, TooLarge
from chalicelib.files import Files
from chalicelib.problems import MethodNotAllowed
from chalicelib.routing import Match, Routes
from chalicelib.settings import Home, Settings
from chalicelib.web import Application
from chalicelib.wiring import connect

Environ = dict[str, Any]
StartResponse = Callable[..., object]

PARAMETERS = 100
_STATUS_LINES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}


def connected_gateway(settings: Settings) -> "Gateway":
    """Over the ports of a home, in this process."""
    ports = connect(settings)
    return Gateway(create_app(lambda: ports), Files(ports) if settings.home is Home.LOCAL else None)


class Gateway:
    """The WSGI application of the home.

    `files` serves the links of the objects port, beside Chalice, by streaming; None where they lead elsewhere.
    """

    def __init__(self, app: Application, files: Files | None) -> None:
        self._app = app
        self._files = files
        self._routes = Routes(app.routes)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self._files and environ["PATH_INFO"].startswith("/files/"):
            return self._files(environ, start_response)
        answer = self._answer(environ)
        headers = [*answer["headers"].items()]
        headers += [(name, each) for name, values in answer["multiValueHeaders"].items() for each in values]
        body: bytes = answer["body"]
        if answer["statusCode"] not in (204, 304):
            headers.append(("Content-Length", str(len(body))))
        start_response(_STATUS_LINES[answer["statusCode"]], headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(self, environ: Environ) -> Mapping[str, Any]:
        method = "GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"]
        path = "/"
        match = None
        try:
            path = _path(environ)
            match = self._match(path, method)
            event = _event(environ, method, path, match)
            event["multiValueQueryStringParameters"] = _query(environ.get("QUERY_STRING", ""))
            event["body"] = _body(environ)
        except MillraceError as error:
            return self._app.refuse(_event(environ, method, path, match), error)
        return self._app.answer(event, None)

    def _match(self, path: str, method: str) -> Match:
        match = self._routes.match(path)
        if match is None:
            raise NotFound("There is nothing at this address.")
        allowed = self._app.routes[match.route]
        if method not in allowed:
            raise MethodNotAllowed(method, sorted({*allowed, "HEAD"} if "GET" in allowed else allowed))
        return match


def _event(environ: Environ, method: str, path: str, match: Match | None) -> dict[str, Any]:
    base = environ.get("SCRIPT_NAME", "")
    return {
        "resource": match.route if match else "",
        "path": path,
        "httpMethod": method,
        "headers": _headers(environ),
        "multiValueQueryStringParameters": None,
        "pathParameters": match.parameters if match else None,
        "requestContext": {
            "resourcePath": match.route if match else "",
            "httpMethod": method,
            "path": base + path,
            "identity": {"sourceIp": environ.get("REMOTE_ADDR", "")},
        },
        "body": b"",
        "stageVariables": None,
        "isBase64Encoded": False,
    }


def _headers(environ: Environ) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    if kind := environ.get("CONTENT_TYPE"):
        headers["content-type"] = kind
    return headers


def _path(environ: Environ) -> str:
    try:
        # WSGI hands the decoded bytes over as Latin-1.
        return str(environ["PATH_INFO"]).encode("latin-1").decode() or "/"
    except UnicodeError:
        raise Invalid("The address is not UTF-8.") from None


def _query(text: str) -> dict[str, list[str]] | None:
    if not text:
        return None
    try:
        return parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS)
    except UnicodeDecodeError:
        raise Invalid("The query is not UTF-8.") from None
    except ValueError:
        raise Invalid(f"The query has more than {PARAMETERS} parameters.") from None


def _body(environ: Environ) -> bytes:
    """The whole body. Nothing beyond the limit is kept, nor read when its length was told."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > BODY_LIMIT:
        raise TooLarge(f"A request holds at most {BODY_LIMIT:,} bytes.")
    if not length and "HTTP_TRANSFER_ENCODING" not in environ:
        return b""
    body = environ["wsgi.input"].read(min(int(length), BODY_LIMIT) if length.isdigit() else BODY_LIMIT + 1)
    if len(body) > BODY_LIMIT:
        raise TooLarge(f"A request holds at most {BODY_LIMIT:,} bytes.")
    return bytes(body)
