"""Invitations over REST."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from chalicelib.accounts import operations as signing_in
from chalicelib.accounts.api import TokensJson, tokens_json
from chalicelib.accounts.invitations import answering, operations
from chalicelib.accounts.invitations.model import Invitation, InvitationStatus
from chalicelib.accounts.model import Role
from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input, Query
from chalicelib.exchange import Answer, Request, json_answer, no_content
from chalicelib.rest import Bearer, Blueprint, json_body, next_link

invitations = Blueprint(__name__, group="Invitations")


class InvitationListQuery(Query):
    status: InvitationStatus | SkipJsonSchema[None] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Most items on a page.")] = 50
    cursor: Annotated[str, Field(max_length=2000)] | SkipJsonSchema[None] = Field(
        None, description="`cursor` of the page before."
    )


class NewInvitation(Input):
    email: str = Field(description="Who is invited; nobody else can accept.", max_length=300)
    role: Annotated[Role, Field(strict=False)]


class Acceptance(Input):
    password: str | None = Field(
        None, description="10 to 200 characters: of the new account, or of the one that is there, to sign in to it."
    )


class InvitationJson(TypedDict):
    invitation_id: str
    tenant_id: str
    email: str
    role: str
    status: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    resends: int
    ended_at: datetime | None


class InvitationPageJson(TypedDict):
    items: list[InvitationJson]
    cursor: str | None


class ShownInvitationJson(TypedDict):
    """`has_account` tells that the invited address has one, so that accepting takes no password."""

    organisation: str
    email: str
    role: str
    invited_by: str
    expires_at: datetime
    has_account: bool


class AcceptedJson(TypedDict):
    """`tokens` are there when a password was given."""

    tenant_id: str
    organisation: str
    role: str
    tokens: TokensJson | None


@invitations.api(
    "POST",
    "/api/tenants/{tenant_id}/invitations",
    permission=Permission.INVITATIONS_WRITE,
    summary="Invite somebody",
    details="Mails a link that works once, for 7 days, for this address.",
    body=json_body(NewInvitation, example={"email": "grace@example.org", "role": "operator"}),
    answers={201: InvitationJson},
    errors=(409,),
    headers={"Location": "Address of the invitation."},
)
def invite(request: Request, tenant_id: str, body: NewInvitation) -> Answer:
    invitation = operations.invite(
        request.ports, request.caller, tenant_id, email=body.email, role=body.role, invitation_id=request.new_id()
    )
    place = f"{request.base}/api/tenants/{tenant_id}/invitations/{invitation.invitation_id}"
    return json_answer(_json(request, invitation), 201, {"Location": place})


@invitations.api(
    "GET",
    "/api/tenants/{tenant_id}/invitations",
    permission=Permission.INVITATIONS_READ,
    summary="List invitations",
    details="The newest first, with those that are over.",
    query=InvitationListQuery,
    answers={200: InvitationPageJson},
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def list_invitations(request: Request, tenant_id: str, query: InvitationListQuery) -> Answer:
    page = operations.list_invitations(
        request.ports, request.caller, tenant_id, status=query.status, limit=query.limit, cursor=query.cursor
    )
    shown = {"items": [_json(request, each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@invitations.api(
    "GET",
    "/api/tenants/{tenant_id}/invitations/{invitation_id}",
    permission=Permission.INVITATIONS_READ,
    summary="See an invitation",
    answers={200: InvitationJson},
)
def get_invitation(request: Request, tenant_id: str, invitation_id: str) -> Answer:
    return json_answer(_json(request, operations.get(request.ports, request.caller, tenant_id, invitation_id)))


@invitations.api(
    "POST",
    "/api/tenants/{tenant_id}/invitations/{invitation_id}/resend",
    permission=Permission.INVITATIONS_WRITE,
    summary="Send an invitation again",
    details="At most 3 times, each with a new link and a new week; the links of before stop working.",
    answers={200: InvitationJson},
    errors=(409, 422),
)
def resend_invitation(request: Request, tenant_id: str, invitation_id: str) -> Answer:
    return json_answer(_json(request, operations.resend(request.ports, request.caller, tenant_id, invitation_id)))


@invitations.api(
    "DELETE",
    "/api/tenants/{tenant_id}/invitations/{invitation_id}",
    permission=Permission.INVITATIONS_WRITE,
    summary="Cancel an invitation",
    details="Its link stops working; it stays in the list.",
    answers={204: None},
    errors=(409, 410),
)
def cancel_invitation(request: Request, tenant_id: str, invitation_id: str) -> Answer:
    operations.cancel(request.ports, request.caller, tenant_id, invitation_id)
    return no_content()


@invitations.api(
    "GET",
    "/api/invitations/{token}",
    public=True,
    summary="See the invitation of a mail",
    answers={200: ShownInvitationJson},
    errors=(409, 410),
)
def see_invitation(request: Request, token: str) -> Answer:
    shown = answering.look(request.ports, token)
    told: ShownInvitationJson = {
        "organisation": shown.invitation.organisation,
        "email": shown.invitation.email,
        "role": shown.invitation.role.value,
        "invited_by": shown.invitation.invited_by,
        "expires_at": shown.invitation.expires_at,
        "has_account": shown.has_account,
    }
    return json_answer(told)


@invitations.api(
    "POST",
    "/api/invitations/{token}/accept",
    public=True,
    summary="Accept an invitation",
    details="Whoever has no account gets one with the password. With an access token, only the invited user's.",
    body=json_body(Acceptance, required=False),
    answers={200: AcceptedJson},
    errors=(401, 403, 409, 410, 429),
)
def accept_invitation(request: Request, token: str, body: Acceptance) -> Answer:
    caller = Bearer().admit(request) if "authorization" in request.headers else None
    password = body.password or ""
    accepted = answering.accept(request.ports, token, password=password, caller=caller, origin=request.origin)
    tokens = None
    if password:
        tokens = signing_in.login(request.ports, email=accepted.email, password=password, origin=request.origin)
    told: AcceptedJson = {
        "tenant_id": accepted.tenant_id,
        "organisation": accepted.organisation,
        "role": accepted.role.value,
        "tokens": tokens_json(tokens) if tokens else None,
    }
    return json_answer(told)


@invitations.api(
    "POST",
    "/api/invitations/{token}/decline",
    public=True,
    summary="Decline an invitation",
    answers={204: None},
    errors=(409, 410),
)
def decline_invitation(request: Request, token: str) -> Answer:
    answering.decline(request.ports, token, origin=request.origin)
    return no_content()


def _json(request: Request, invitation: Invitation) -> InvitationJson:
    return {
        "invitation_id": invitation.invitation_id,
        "tenant_id": invitation.tenant_id,
        "email": invitation.email,
        "role": invitation.role.value,
        "status": invitation.status(request.ports.clock.now()).value,
        "invited_by": invitation.invited_by,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "resends": invitation.resends,
        "ended_at": invitation.ended_at,
    }
