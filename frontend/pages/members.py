"""Who belongs to the organisation, and who is invited to it."""

from chalicelib.accounts.invitations import operations as invitations
from chalicelib.accounts.invitations.model import MOST_RESENDS
from chalicelib.accounts.members import operations
from chalicelib.accounts.model import Role
from chalicelib.accounts.permissions import Permission, may
from chalicelib.errors import Conflict, Gone, Invalid, MillraceError, Unprocessable
from chalicelib.exchange import Answer
from frontend.door import PagesDoor
from frontend.pages.profile import role_of
from frontend.views.account import ROLE_WORDS, invitation_row
from frontend.visit import Pages, Visit

members = Pages(__name__, PagesDoor())

PAGE = 100
INVITATIONS_SHOWN = 20
REFUSALS = (Conflict, Gone, Invalid, Unprocessable)


@members.page("/members", permission=Permission.MEMBERS_READ)
def list_members(visit: Visit) -> Answer:
    return _page(visit)


@members.page("/members/{user_id}/role", methods=("POST",), permission=Permission.MEMBERS_WRITE)
def change_role(visit: Visit, user_id: str) -> Answer:
    caller = visit.caller
    try:
        operations.change_role(visit.ports, caller, caller.tenant_id, user_id, role_of(visit.form.text("role")))
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/members", did="member-changed")


@members.page("/members/{user_id}/remove", methods=("POST",), permission=Permission.MEMBERS_WRITE)
def remove(visit: Visit, user_id: str) -> Answer:
    try:
        operations.remove(visit.ports, visit.caller, visit.caller.tenant_id, user_id)
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/members", did="member-removed")


@members.page("/members/invitations", methods=("POST",), permission=Permission.INVITATIONS_WRITE)
def invite(visit: Visit) -> Answer:
    caller, email = visit.caller, visit.form.text("email")
    try:
        invitations.invite(visit.ports, caller, caller.tenant_id, email=email, role=role_of(visit.form.text("role")))
    except REFUSALS as error:
        return _page(visit, error, email=email)
    return visit.go_to("/members", did="invited")


@members.page("/members/invitations/{invitation_id}/resend", methods=("POST",), permission=Permission.INVITATIONS_WRITE)
def resend(visit: Visit, invitation_id: str) -> Answer:
    try:
        invitations.resend(visit.ports, visit.caller, visit.caller.tenant_id, invitation_id)
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/members", did="invited")


@members.page("/members/invitations/{invitation_id}/cancel", methods=("POST",), permission=Permission.INVITATIONS_WRITE)
def cancel(visit: Visit, invitation_id: str) -> Answer:
    try:
        invitations.cancel(visit.ports, visit.caller, visit.caller.tenant_id, invitation_id)
    except REFUSALS as error:
        return _page(visit, error)
    return visit.go_to("/members", did="invitation-cancelled")


def _page(visit: Visit, error: MillraceError | None = None, *, email: str = "") -> Answer:
    caller = visit.caller
    role = visit.request.first("role")
    page = operations.list_members(
        visit.ports,
        caller,
        caller.tenant_id,
        role=Role(role) if role in set(Role) else None,
        limit=PAGE,
        cursor=visit.request.first("cursor") or None,
    )
    invited = []
    if may(caller, Permission.INVITATIONS_READ):
        found = invitations.list_invitations(visit.ports, caller, caller.tenant_id, limit=INVITATIONS_SHOWN)
        invited = [invitation_row(each, visit.now, MOST_RESENDS) for each in found.items]
    return visit.page(
        "members.html",
        status=error.status if error else 200,
        fault=_fault(error) if error else "",
        members=page.items,
        invitations=invited,
        email=email,
        role=role,
        roles=[(each.value, word) for each, word in ROLE_WORDS.items()],
        next_url=visit.url("/members", role=role, cursor=page.cursor) if page.cursor else "",
    )


def _fault(error: MillraceError) -> str:
    return " ".join(f"The {fault.place} {fault.message}." for fault in error.faults) or error.detail
