"""Stylesheet, scripts and icons: small texts whose addresses change with their content."""

from chalicelib.errors import NotFound
from chalicelib.exchange import Answer, Request
from frontend.door import PagesDoor
from frontend.rendering import assets
from frontend.visit import Pages

static = Pages(__name__, PagesDoor())


@static.route("/static/{name}", public=True)
def asset(request: Request, name: str) -> Answer:
    found = assets().get(name)
    if found is None:
        raise NotFound("There is no such file.")
    lasting = request.first("v") == found.version
    keep = "public, max-age=31536000, immutable" if lasting else "public, max-age=300"
    return Answer(found.text.encode(), 200, {"Content-Type": found.content_type, "Cache-Control": keep})
