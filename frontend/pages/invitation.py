"""The page that a mailed invitation leads to."""

from chalicelib.accounts import operations as accounts
from chalicelib.accounts.invitations import answering
from chalicelib.accounts.invitations.model import Invitation, InvitationEnded, InvitationExpired
from chalicelib.errors import Conflict, Invalid, MillraceError, NotAllowed, NotFound, TooMany
from chalicelib.exchange import Answer
from chalicelib.identity import WrongPassword
from frontend.door import PagesDoor
from frontend.pages.account import sign_in
from frontend.visit import Pages, Visit

invitation = Pages(__name__, PagesDoor())

OVER = (NotFound, InvitationEnded, InvitationExpired)
REFUSALS = (Conflict, Invalid, NotAllowed, TooMany, WrongPassword)


@invitation.page("/invitations/{token}", public=True)
def see(visit: Visit, token: str) -> Answer:
    try:
        return _page(visit, token)
    except OVER as error:
        return _over(visit, error)


@invitation.page("/invitations/{token}/accept", methods=("POST",), public=True)
def accept(visit: Visit, token: str) -> Answer:
    try:
        accepted = _accept(visit, token)
    except OVER as error:
        return _over(visit, error)
    except REFUSALS as error:
        return _page(visit, token, _said(error), status=error.status)
    return _welcome(visit, accepted)


def _accept(visit: Visit, token: str) -> Invitation:
    caller, password = visit.request.admitted, visit.form.text("password")
    if caller is None and not password:
        raise Invalid("A password is needed.")
    return answering.accept(visit.ports, token, password=password, caller=caller, origin=visit.request.origin)


def _welcome(visit: Visit, accepted: Invitation) -> Answer:
    """Into the organisation, signed in."""
    if caller := visit.request.admitted:
        accounts.switch(visit.ports, caller, accepted.tenant_id)
        return visit.go_to("/jobs", did="joined")
    cookie = accounts.login_pages(
        visit.ports,
        email=accepted.email,
        password=visit.form.text("password"),
        origin=visit.request.origin,
        tenant_id=accepted.tenant_id,
    )
    return sign_in(visit, cookie, did="joined")


def _said(error: MillraceError) -> str:
    if isinstance(error, WrongPassword):
        return "This is not the password of that account."
    return " ".join(f"It {fault.message}." for fault in error.faults) or error.detail


@invitation.page("/invitations/{token}/decline", methods=("POST",), public=True)
def decline(visit: Visit, token: str) -> Answer:
    try:
        answering.decline(visit.ports, token, origin=visit.request.origin)
    except OVER as error:
        return _over(visit, error)
    return visit.page(
        "link.html", fault="You declined the invitation. Nothing else is to be done.", ask="/", word="To the start"
    )


def _page(visit: Visit, token: str, fault: str = "", *, status: int = 200) -> Answer:
    shown = answering.look(visit.ports, token)
    caller = visit.request.admitted
    return visit.page(
        "invitation.html",
        status=status,
        invitation=shown.invitation,
        has_account=shown.has_account,
        path=f"/invitations/{token}",
        mine=caller is not None and caller.email == shown.invitation.email,
        fault=fault,
    )


def _over(visit: Visit, error: MillraceError) -> Answer:
    return visit.page("link.html", status=error.status, fault=error.detail, ask="/", word="To the start")
