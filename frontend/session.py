"""Cookies, and what proves that a form was ours.

The proof in every form is derived from the cookie, which no other site can read.
"""

import hashlib
import hmac
from datetime import timedelta
from urllib.parse import urlsplit

from chalicelib.accounts.sessions import LIFE
from chalicelib.errors import NotAllowed
from chalicelib.exchange import Request

SESSION_COOKIE, VISIT_COOKIE = "millrace_session", "millrace_visit"
PROOF_FIELD = "proof"


class Forged(NotAllowed):
    """The form did not come from our page, or the page was older than the session."""

    type = "forged-form"
    title = "This form is out of date"

    def __init__(self) -> None:
        super().__init__("The form does not belong to your session.")


def cookie_of(request: Request, name: str) -> str:
    """Empty when there is none."""
    # Not http.cookies: that one drops all that follows a cookie of somebody else's which it cannot read.
    for each in request.headers.get("cookie", "").split(";"):
        given, _, value = each.strip().partition("=")
        if given == name:
            return value
    return ""


def set_cookie(request: Request, name: str, token: str, life: timedelta | None = LIFE) -> str:
    """A Set-Cookie value; no life: until the browser is closed, an empty token: removed."""
    parts = [f"{name}={token}", f"Path={request.base}/", "HttpOnly", "SameSite=Lax"]
    if not token:
        parts.append("Max-Age=0")
    elif life:
        parts.append(f"Max-Age={int(life.total_seconds())}")
    if request.ports.settings.secure_cookies:
        parts.append("Secure")
    return "; ".join(parts)


def proof_of(token: str) -> str:
    """What every form of this session carries. It proves nothing about another session, and does not tell the token."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def check_form(request: Request, token: str, given: str) -> None:
    """Raises Forged for a form from another site, another session, or none of ours."""
    if not _same_site(request) or not token or not hmac.compare_digest(given.encode(), proof_of(token).encode()):
        raise Forged


def _same_site(request: Request) -> bool:
    """Browsers say where a request comes from; the older ones, and a plain client, say nothing."""
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return not origin or urlsplit(origin).netloc == request.headers.get("host", "")


def local_path(address: str) -> str:
    """An address to go on to after signing in, if it is a path of ours; else nothing."""
    if not address.startswith("/") or address.startswith(("//", "/\\")) or not address.isprintable():
        return ""
    parts = urlsplit(address)
    return "" if parts.scheme or parts.netloc or "\\" in address else address
