"""Getting in again: a forgotten password, and an address to confirm. Both by the link of a mail."""

from chalicelib.accounts import operations, passwords, proofs
from chalicelib.accounts.permissions import TenantAsleep
from chalicelib.accounts.proofs import Purpose
from chalicelib.errors import Invalid, NotFound
from chalicelib.exchange import Answer
from frontend.door import PagesDoor
from frontend.pages.account import sign_in
from frontend.visit import Pages, Visit

recovery = Pages(__name__, PagesDoor())

OLD_LINK = "This link was used already, or is too old."


@recovery.page("/password/forgot", public=True)
def forgotten_form(visit: Visit) -> Answer:
    return visit.page("forgot.html", sent=False, email=visit.request.first("email"))


@recovery.page("/password/forgot", methods=("POST",), public=True)
def forgotten(visit: Visit) -> Answer:
    email = visit.form.text("email").strip()
    passwords.forget(visit.ports, email)
    return visit.page("forgot.html", sent=True, email=email)


@recovery.page("/password/reset", public=True)
def reset_form(visit: Visit) -> Answer:
    return _reset_page(visit)


@recovery.page("/password/reset", methods=("POST",), public=True)
def reset(visit: Visit) -> Answer:
    try:
        user = passwords.reset(visit.ports, _token(visit), visit.form.text("password"), visit.request.origin)
    except Invalid as error:
        return _reset_page(visit, f"It {error.faults[0].message}.")
    except NotFound:
        return visit.page("link.html", status=404, fault=OLD_LINK, ask="/password/forgot", word="Ask for a new link")
    try:
        return sign_in(visit, operations.open_pages(visit.ports, user, visit.request.origin))
    except TenantAsleep:
        return visit.go_to("/login", did="password")


@recovery.page("/email/verify", public=True)
def verify_form(visit: Visit) -> Answer:
    """A button, not the visit itself, uses the link up: programs that look into mails open links too."""
    try:
        proof = proofs.find(visit.ports, Purpose.VERIFICATION, _token(visit))
    except NotFound:
        return visit.page("link.html", status=404, fault=OLD_LINK, ask="/account", word="To your account")
    return visit.page("verify.html", email=proof.user.email, link_token=_token(visit))


@recovery.page("/email/verify", methods=("POST",), public=True)
def verify(visit: Visit) -> Answer:
    proofs.verify(visit.ports, _token(visit), visit.request.origin)
    return visit.go_to("/account" if visit.request.admitted else "/login", did="verified")


def _reset_page(visit: Visit, fault: str = "") -> Answer:
    return visit.page("reset.html", status=400 if fault else 200, link_token=_token(visit), fault=fault)


def _token(visit: Visit) -> str:
    return visit.request.first("token")[:200]
