"""One request of a browser: who is there, what was posted, and how pages are answered."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any

from markupsafe import Markup

from chalicelib.accounts.admission import Place, list_places
from chalicelib.accounts.model import Caller
from chalicelib.accounts.operations import authenticate_pages
from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import NotAllowed, NotFound, NotSignedIn
from chalicelib.exchange import Answer, Headers, Request, html_answer, redirect
from chalicelib.web import Blueprint
from chalicelib.wiring import Ports
from frontend import session
from frontend.forms import Form, read_form
from frontend.navigation import tabs_of
from frontend.rendering import Addresses, render

NOTICES = {
    "cancelled": "Cancelling: what runs is being stopped.",
    "retried": "Running again.",
    "deleted": "The job is deleted.",
    "signed-out": "You are signed out.",
    "template-made": "The template is saved.",
    "template-saved": "Saved as a new version.",
    "template-restored": "Restored as a new version.",
    "template-shared": "Everybody here can read, run and fork it now.",
    "template-unshared": "Only your organisation sees it now.",
    "template-forked": "This copy is yours: change it as you like.",
    "template-deleted": "The template is deleted.",
    "scoring": "A model scores them; what it finds is on the dataset's page.",
    "seeds-made": "The seed data is ready.",
    "seeds-chosen": "The draft uses this seed data now.",
    "seeds-deleted": "The seed data is deleted.",
    "paused": "Pausing: records that are being made are finished first.",
    "resumed": "Going on.",
    "topped-up": "The budget is raised, and the job goes on.",
    "records-retried": "The failed records are tried again.",
    "exporting": "The export is being written.",
    "password": "Your password is changed; all other sessions are signed out.",
    "mailed": "A mail is on its way to you.",
    "verified": "Your address is confirmed.",
    "session": "The session has ended.",
    "key": "The key is revoked: it does not work any more.",
    "member-changed": "The role is changed.",
    "member-removed": "The member is removed; their access has ended.",
    "invited": "The invitation is mailed.",
    "invitation-cancelled": "The invitation is cancelled: its link does not work any more.",
    "tenant-made": "The organisation is made.",
    "tenant-changed": "The organisation is changed.",
    "tenant-park": "The organisation is parked: what runs goes on to its end, and nothing new starts.",
    "tenant-unpark": "The organisation works again: what was waiting goes on.",
    "tenant-suspend": "The organisation is suspended.",
    "tenant-resume": "The organisation works again: what was waiting goes on.",
    "tenant-delete": "The organisation is closed; what was in it is being removed.",
    "unit-made": "The unit is made.",
    "unit-changed": "The unit is changed.",
    "unit-deleted": "The unit is deleted.",
    "limits": "The limits are changed.",
    "channel-made": "You are told there from now on.",
    "channel-deleted": "Nothing more is sent there.",
    "redelivered": "It is being sent again.",
    "webhook-changed": "The webhook is changed.",
    "webhook-closed": "Signed deliveries are not taken any more.",
    "joined": "Welcome: you have joined the organisation.",
}
"""What a redirect may say on the page it leads to, by the code in its `did` parameter."""


@dataclass(frozen=True, slots=True)
class Visit:
    """`token` is the cookie that forms are bound to: the session's, or before signing in the visit's."""

    request: Request
    token: str
    form: Form = field(default_factory=lambda: Form({}))

    @property
    def ports(self) -> Ports:
        return self.request.ports

    @property
    def caller(self) -> Caller:
        return self.request.caller

    @property
    def url(self) -> Addresses:
        return Addresses(self.request.base)

    @property
    def now(self) -> datetime:
        return self.ports.clock.now()

    @property
    def refreshing(self) -> bool:
        """The page is there already, and asks what has changed."""
        return self.request.headers.get("hx-request") == "true"

    def page(self, template: str, /, *, status: int = 200, headers: Headers | None = None, **context: Any) -> Answer:
        html = render(template, {**self._frame(), "status": status, **context})
        return self.with_cookie(html_answer(html, status, {**self._headers(), **(headers or {})}))

    def _headers(self) -> Headers:
        return {"Content-Security-Policy": policy(self.ports.objects.origin), "Cache-Control": "private, no-cache"}

    def _frame(self) -> dict[str, Any]:
        proof = session.proof_of(self.token)
        hidden = Markup('<input type="hidden" name="{}" value="{}">').format(session.PROOF_FIELD, proof)
        return {
            "url": self.url,
            "caller": self.request.admitted,
            "may": self._may,
            "tabs": tabs_of(self.request.admitted),
            "other_places": self._other_places,
            "token": lambda: hidden,
            "here": self.request.path,
            "notice": NOTICES.get(self.request.first("did"), ""),
            "now": self.now,
        }

    def _may(self, permission: str) -> bool:
        return self.request.admitted is not None and may(self.request.admitted, Permission(permission))

    def _other_places(self) -> list[Place]:
        """Organisations that the visitor could work in instead."""
        caller = self.request.admitted
        if caller is None or self.refreshing:
            return []
        return [each for each in list_places(self.ports, caller) if each.tenant_id != caller.tenant_id]

    def has(self, tag: str) -> bool:
        """The page that asks for changes shows this state already."""
        return self.refreshing and self.request.headers.get("if-none-match") == tag

    def unchanged(self, tag: str) -> Answer:
        return Answer(b"", 304, {**self._headers(), "ETag": tag})

    def with_cookie(self, answer: Answer) -> Answer:
        """The first page of a visitor sets the cookie that their forms are bound to."""
        if not _known_token(self.request):
            answer.headers["Set-Cookie"] = session.set_cookie(self.request, session.VISIT_COOKIE, self.token, life=None)
        return answer

    def go_to(self, path: str, **query: object) -> Answer:
        return redirect(self.url(path, **query))


def policy(uploads: str) -> str:
    """Where a page may load from and send to. `uploads` is the origin that files are put to; empty: our own."""
    connect = f"'self' {uploads}".strip()
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {connect}; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def visit_of(request: Request) -> Visit:
    """Without the form: for what is only looked at."""
    return Visit(request, _known_token(request) or secrets.token_urlsafe(32))


def _known_token(request: Request) -> str:
    return session.cookie_of(request, session.SESSION_COOKIE) or session.cookie_of(request, session.VISIT_COOKIE)


def who(request: Request) -> Caller | None:
    """For pages that are there for everybody, but greet those who are signed in."""
    try:
        return admit(request)
    except (NotSignedIn, NotAllowed, NotFound):
        return None


def admit(request: Request) -> Caller:
    cookie = session.cookie_of(request, session.SESSION_COOKIE)
    return authenticate_pages(request.ports, cookie, request.path_tenant, request.origin)


View = Callable[..., Answer]


class Pages(Blueprint):
    """Routes for browsers: views are called with a Visit, and no POST gets to them without our own form's proof."""

    def page(
        self,
        path: str,
        *,
        methods: tuple[str, ...] = ("GET",),
        permission: Permission | None = None,
        public: bool = False,
    ) -> Callable[[View], View]:
        def add(view: View) -> View:
            @wraps(view)
            def handler(request: Request, **parameters: str) -> Answer:
                if public:
                    request.admitted = who(request)
                return view(_posted(request) if request.method == "POST" else visit_of(request), **parameters)

            self.route(path, methods=methods, permission=permission, public=public)(handler)
            return view

        return add


def _posted(request: Request) -> Visit:
    form = read_form(request.body, request.headers.get("content-type", ""))
    token = _known_token(request)
    session.check_form(request, token, form.text(session.PROOF_FIELD))
    return Visit(request, token, form)
