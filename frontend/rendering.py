"""Templates, addresses and static files."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from frontend.views import words
from frontend.views.money import usd

HERE = Path(__file__).parent
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    text: str
    content_type: str
    version: str


@cache
def assets() -> Mapping[str, Asset]:
    """Every static file by its flat name; a name that is not here does not exist, so no path can be smuggled in."""
    paths = [path for path in (HERE / "static").rglob("*") if path.suffix in CONTENT_TYPES]
    return {path.name: _asset(path) for path in paths}


def _asset(path: Path) -> Asset:
    text = path.read_text(encoding="utf-8")
    return Asset(text, CONTENT_TYPES[path.suffix], hashlib.sha256(text.encode()).hexdigest()[:12])


@dataclass(frozen=True, slots=True)
class Addresses:
    """The one maker of links. `base` is what stands before every path: empty, or the stage of an API Gateway."""

    base: str = ""

    def __call__(self, path: str, **query: object) -> str:
        """`url("/jobs", status="failed")`; query values that are None or empty are left out."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return self.base + quote(path, safe="/@:+-._~") + (f"?{urlencode(given)}" if given else "")

    def static(self, name: str) -> str:
        return f"{self.base}/static/{name}?v={assets()[name].version}"


@cache
def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.globals.update(count=words.count, ago=words.ago, exact=words.exact, duration=words.duration, size=words.size)
    env.globals.update(usd=usd)
    return env


def render(template: str, context: Mapping[str, Any]) -> str:
    return environment().get_template(template).render(context)
