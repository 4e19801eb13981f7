"""What the service says of itself: its health, its API's description, and a page to read that on."""

from functools import cache
from typing import Any

import orjson
from typing_extensions import TypedDict

from chalicelib import health as checks
from chalicelib.errors import MillraceError
from chalicelib.exchange import JSON, Answer, Request, dump, json_answer
from chalicelib.openapi import CONVENTIONS, SUMMARY, document
from chalicelib.rest import Blueprint
from chalicelib.web import Application
from frontend.visit import visit_of, who


class CheckJson(TypedDict):
    name: str
    ok: bool
    detail: str


class HealthJson(TypedDict):
    """`status` is ok, degraded (it works, but somebody should look) or down."""

    status: str
    version: str
    checks: list[CheckJson]


def about(app: Application) -> Blueprint:
    """Its routes describe all routes of the application, those that join it later too."""
    blueprint = Blueprint(__name__, group="Service")

    @cache
    def described(base: str = "") -> bytes:
        return dump(document(app.table, base))

    @blueprint.api(
        "GET",
        "/api/health",
        public=True,
        summary="Is it well?",
        details="503 when it is down; `checks` say in words what is wrong.",
        answers={200: HealthJson, 503: HealthJson},
    )
    def health(request: Request) -> Answer:
        return _health(request)

    @blueprint.api("GET", "/api/openapi.json", public=True, summary="This description", answers={200: dict[str, Any]})
    def openapi(request: Request) -> Answer:
        return Answer(described(request.base), 200, {"Content-Type": JSON})

    @blueprint.route("/api/docs", public=True)
    def docs(request: Request) -> Answer:
        request.admitted = who(request)
        shown = {"api": orjson.loads(described()), "summary": SUMMARY, "conventions": CONVENTIONS}
        return visit_of(request).page("docs.html", problems=problems(), readable=_readable, **shown)

    return blueprint


def _health(request: Request) -> Answer:
    state, found = checks.examine(request.ports)
    shown: HealthJson = {
        "status": state.value,
        "version": checks.version(),
        "checks": [{"name": each.name, "ok": each.ok, "detail": each.detail} for each in found],
    }
    return json_answer(shown, 503 if state is checks.Health.DOWN else 200)


def _readable(data: Any) -> str:
    return orjson.dumps(data, option=orjson.OPT_INDENT_2).decode()


def problems() -> list[type[MillraceError]]:
    """Every kind of problem that can be answered, by status."""
    kinds: dict[str, type[MillraceError]] = {}
    waiting = [MillraceError]
    while waiting:
        kind = waiting.pop()
        kinds.setdefault(kind.type, kind)
        waiting += kind.__subclasses__()
    return sorted(kinds.values(), key=lambda kind: (kind.status, kind.type))
