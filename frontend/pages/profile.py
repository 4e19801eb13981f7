"""What is one's own: password, sessions, API keys, and which organisation one works in."""

from chalicelib.accounts import admission, keys, operations, passwords, proofs, sessions
from chalicelib.accounts.model import Role
from chalicelib.accounts.permissions import Permission
from chalicelib.errors import Invalid, MillraceError, NotAllowed, TooMany
from chalicelib.exchange import Answer
from chalicelib.identity import WrongPassword
from frontend.door import PagesDoor
from frontend.views.account import ROLE_WORDS, key_row, session_row
from frontend.visit import Pages, Visit

profile = Pages(__name__, PagesDoor())

DAYS = (30, 90, 365)


@profile.page("/account", permission=Permission.ACCOUNT_READ)
def me(visit: Visit) -> Answer:
    return _page(visit)


@profile.page("/account/password", methods=("POST",), permission=Permission.ACCOUNT_WRITE)
def change_password(visit: Visit) -> Answer:
    current, new = visit.form.text("current"), visit.form.text("new")
    try:
        passwords.change(visit.ports, visit.caller, current=current, new=new)
    except WrongPassword:
        return _page(visit, {"current": "This is not your present password."}, status=400)
    except TooMany as error:
        return _page(visit, {"current": error.detail}, status=429)
    except Invalid as error:
        return _page(visit, _said(error), status=400)
    return visit.go_to("/account", did="password")


@profile.page("/account/verification", methods=("POST",), permission=Permission.ACCOUNT_WRITE)
def send_verification(visit: Visit) -> Answer:
    proofs.send_verification(visit.ports, visit.caller)
    return visit.go_to("/account", did="mailed")


@profile.page("/account/sessions/{session_id}/end", methods=("POST",), permission=Permission.ACCOUNT_WRITE)
def end_session(visit: Visit, session_id: str) -> Answer:
    sessions.revoke(visit.ports, visit.caller, session_id)
    return visit.go_to("/account", did="session")


@profile.page("/account/keys", methods=("POST",), permission=Permission.KEYS_WRITE)
def create_key(visit: Visit) -> Answer:
    """The page shows the key; no other ever does."""
    days = visit.form.text("days")
    try:
        key, text = keys.create(
            visit.ports,
            visit.caller,
            name=visit.form.text("name"),
            role=role_of(visit.form.text("role")),
            days=int(days) if days in map(str, DAYS) else keys.LASTS_DAYS,
        )
    except Invalid as error:
        return _page(visit, _said(error), status=400)
    except NotAllowed as error:
        return _page(visit, {"role": error.detail}, status=403)
    shown = key_row(key, visit.now)
    return visit.page("key.html", headers={"Cache-Control": "no-store"}, key=shown, text=text)


@profile.page("/account/keys/{key_id}/revoke", methods=("POST",), permission=Permission.ACCOUNT_WRITE)
def revoke_key(visit: Visit, key_id: str) -> Answer:
    keys.revoke(visit.ports, visit.caller, key_id)
    return visit.go_to("/account", did="key")


@profile.page("/account/organisation", methods=("POST",), permission=Permission.ACCOUNT_READ)
def switch(visit: Visit) -> Answer:
    operations.switch(visit.ports, visit.caller, visit.form.text("tenant_id"))
    return visit.go_to("/jobs")


def role_of(text: str) -> Role:
    """What a form's select sent."""
    try:
        return Role(text)
    except ValueError:
        raise Invalid("Choose a role: admin, operator or viewer.") from None


def _page(visit: Visit, faults: dict[str, str] | None = None, *, status: int = 200) -> Answer:
    caller = visit.caller
    return visit.page(
        "account.html",
        status=status,
        faults=faults or {},
        name=visit.form.text("name"),
        verified=proofs.is_verified(visit.ports, caller),
        sessions=[session_row(each, caller.session_id) for each in sessions.list_sessions(visit.ports, caller)],
        keys=[key_row(each, visit.now) for each in keys.list_keys(visit.ports, caller)],
        places=admission.list_places(visit.ports, caller),
        roles=[(role.value, word) for role, word in ROLE_WORDS.items() if keys.RANKS[role] <= keys.RANKS[caller.role]],
        days=DAYS,
    )


def _said(error: MillraceError) -> dict[str, str]:
    return {fault.place: f"It {fault.message}." for fault in error.faults}
