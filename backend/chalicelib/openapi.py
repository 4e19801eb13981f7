"""The OpenAPI 3.1 document of the API, made from its routes."""

import re
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import TypeAdapter

from chalicelib.exchange import JSON
from chalicelib.health import version
from chalicelib.idempotency import KEPT
from chalicelib.problems import PROBLEM, ProblemJson
from chalicelib.rest import Body, Description
from chalicelib.web import TENANT_PARAMETER, Route

SUMMARY = "Submit jobs, watch every order of them, take the results away."
CONVENTIONS = {
    "Signing in": "`POST /api/login` answers an access token, which goes into the `Authorization` header as "
    "`Bearer <token>`. Cookies do not sign anybody in here. It lasts 15 minutes; `POST /api/token/refresh` gives a "
    "new pair. Programs send an API key (`mr_...`) the same way.",
    "Organisations": "A user can be a member of several. The path names the one that a request is about, or else the "
    "header `X-Tenant-Id`; without both it is the usual one. One that is none of yours is answered 404, a right that "
    "your role lacks 403. While an organisation is parked or suspended, its admins read and nobody writes.",
    "Errors": "are `application/problem+json` (RFC 9457) with a stable `type`; `fields` lists everything that is wrong "
    "with an input. Each answer has an `X-Request-Id`, the caller's own where one was sent.",
    "Repeating a write": "Send an `Idempotency-Key` with POST or PATCH: the same request with the same key is done "
    "once, and answered as it was the first time (`Idempotent-Replayed: true`). Keys are kept 24 hours.",
    "Reading again": "Answers to GET have an `ETag`; with `If-None-Match`, what did not change is answered 304.",
    "Lists": "take `limit` and `cursor`; the `Link` header leads to the next page.",
}
_PARAMETER = re.compile(r"{(\w+)}")
_REFERENCE = "#/components/schemas/{model}"
_DETAILS = {
    400: "The request has faults; `fields` lists them all.",
    401: "Not signed in.",
    403: "Your role does not allow it.",
    404: "There is no such thing, or not for you.",
    409: "The state of the thing does not allow it.",
    410: "It is not there any more.",
    412: "It was changed since you read it.",
    413: "The body is too large.",
    415: "The body's content type is not read here.",
    422: "It cannot be carried out as things are, or the Idempotency-Key was used for another request.",
    429: "Too many attempts; come again after `Retry-After` seconds.",
    500: "A fault of ours; it was recorded under the request id.",
    503: "A part of the service does not answer; try again.",
}


def document(routes: Iterable[Route], base: str = "") -> dict[str, Any]:
    """`base` is what stands before every path."""
    described = [route for route in routes if isinstance(route.description, Description)]
    schemas = _Schemas(described)
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(described, key=lambda each: (each.path, each.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Millrace", "version": version(), "description": _introduction()},
        "servers": [{"url": base or "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _introduction() -> str:
    return "\n\n".join([SUMMARY, *(f"**{title}.** {text}" for title, text in CONVENTIONS.items())])


class _Schemas:
    """JSON schemas of all types that the routes name; each named type stands once, under `definitions`."""

    def __init__(self, routes: list[Route]) -> None:
        wanted: list[Any] = [(ProblemJson, "serialization")]
        for route in routes:
            described: Description = route.description
            wanted += [(type_, "serialization") for type_ in described.answers.values() if type_ is not None]
            if described.failure:
                wanted.append((described.failure, "serialization"))
            if described.body:
                wanted.append((described.body.schema, "validation"))
        unique = list(dict.fromkeys(wanted))
        inputs = [(type_, mode, TypeAdapter(type_)) for type_, mode in unique]
        found, rest = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
        self._found = {(type_, mode): schema for type_, mode in unique for schema in [found[(type_, mode)]]}
        self.definitions: dict[str, Any] = dict(sorted(rest.get("$defs", {}).items()))

    def of(self, type_: Any, mode: str = "serialization") -> dict[str, Any]:
        return self._found[(type_, mode)]


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    described: Description = route.description
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "tags": [described.group],
        "summary": described.summary,
        "security": [] if route.public else [{"bearer": []}],
        "parameters": [*_path_parameters(route), *_query_parameters(described), *_header_parameters(route)],
        "responses": {
            **{str(status): _success(described, status, schemas) for status in described.answers},
            **{str(status): _failure(described, status, schemas) for status in sorted(_error_statuses(route))},
        },
    }
    if described.details:
        operation["description"] = described.details
    if described.body:
        operation["requestBody"] = _request_body(described.body, schemas)
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(described: Description) -> list[dict[str, Any]]:
    if described.query is None:
        return []
    schema = described.query.model_json_schema(ref_template=_REFERENCE)
    known = schema.get("$defs", {})
    return [_query_parameter(name, each, known) for name, each in schema["properties"].items()]


def _query_parameter(name: str, schema: dict[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in schema.items() if key not in ("description", "title", "default")}
    if "$ref" in shown:
        shown = {key: value for key, value in known[shown["$ref"].rsplit("/", 1)[-1]].items() if key != "title"}
    if schema.get("default") is not None:
        shown["default"] = schema["default"]
    parameter = {"name": name, "in": "query", "required": False, "schema": shown}
    if "description" in schema:
        parameter["description"] = schema["description"]
    return parameter


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    described: Description = route.description
    headers = []
    if not route.public and TENANT_PARAMETER not in _PARAMETER.findall(route.path):
        told = "The organisation that it is about; your usual one when left out."
        headers.append(("X-Tenant-Id", told, {"type": "string", "pattern": "^[0-9A-Za-z]{1,100}$"}))
    if described.idempotent:
        told = f"Makes the request safe to repeat for {KEPT.total_seconds() / 3600:.0f} hours."
        headers.append(("Idempotency-Key", told, {"type": "string", "pattern": "^[!-~]{1,200}$"}))
    if 412 in described.errors:  # noqa: PLR2004 - precondition failed
        headers.append(("If-Match", "Only if the entity tag is still this one.", {"type": "string"}))
    return [
        {"name": name, "in": "header", "required": False, "description": told, "schema": schema}
        for name, told, schema in headers
    ]


def _request_body(body: Body[Any], schemas: _Schemas) -> dict[str, Any]:
    content = {media_type: {"schema": schemas.of(body.schema, "validation")} for media_type in body.readers}
    if body.examples:
        next(iter(content.values()))["example"] = next(iter(body.examples.values()))
    return {"required": body.required, "content": content}


def _success(described: Description, status: int, schemas: _Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if described.headers:
        answer["headers"] = {
            name: {"description": told, "schema": {"type": "string"}} for name, told in described.headers.items()
        }
    if described.answers[status] is not None:
        answer["content"] = {described.media_type: {"schema": schemas.of(described.answers[status])}}
    return answer


def _failure(described: Description, status: int, schemas: _Schemas) -> dict[str, Any]:
    if status == HTTPStatus.NOT_MODIFIED:
        return {"description": "It did not change since the answer with that entity tag."}
    shown = {JSON: {"schema": schemas.of(described.failure)}} if described.failure else _problem(schemas)
    return {"description": _DETAILS[status], "content": shown}


def _problem(schemas: _Schemas) -> dict[str, Any]:
    return {PROBLEM: {"schema": schemas.of(ProblemJson)}}


def _error_statuses(route: Route) -> set[int]:
    described: Description = route.description
    statuses = {400, 500, 503, *described.errors}
    if not route.public:
        statuses |= {401, 403, 404, 429}
    if "{" in route.path:
        statuses.add(404)
    if described.body:
        statuses |= {413, 415}
    if described.idempotent:
        statuses |= {409, 422}
    if route.method == "GET" and 200 in described.answers:  # noqa: PLR2004 - OK
        statuses.add(304)
    return statuses - set(described.answers)


def main() -> None:
    from chalicelib.application import create_app  # noqa: PLC0415 - it imports every feature, and they import this

    told = document(create_app().table)
    sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    main()
