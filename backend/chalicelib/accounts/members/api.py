"""Members of an organisation."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from chalicelib.accounts.members import operations
from chalicelib.accounts.members.operations import MOST_ITEMS, Action, Item, Result
from chalicelib.accounts.model import Member, Role
from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input, Query
from chalicelib.exchange import Answer, Request, json_answer, no_content
from chalicelib.problems import problem
from chalicelib.rest import Blueprint, json_body, next_link

members = Blueprint(__name__, group="Members")

RoleField = Annotated[Role, Field(strict=False)]
Text = Annotated[str, Field(max_length=300)]


class MemberListQuery(Query):
    role: Role | SkipJsonSchema[None] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Most items on a page.")] = 50
    cursor: Annotated[str, Field(max_length=2000)] | SkipJsonSchema[None] = Field(
        None, description="`cursor` of the page before."
    )


class NewMember(Input):
    email: Text = Field(description="Of somebody who has an account; invite those who have none.")
    role: RoleField


class MemberChange(Input):
    role: RoleField


class MemberItem(Input):
    """A new member is named by `email`, a present one by `user_id` or `email`. `remove` takes no role."""

    action: Annotated[Action, Field(strict=False)]
    email: Text | None = None
    user_id: Text | None = None
    role: RoleField | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action is Action.ADD and not self.email:
            raise ValueError("add needs an email")
        if not (self.email or self.user_id):
            raise ValueError("needs a user_id or an email")
        if (self.role is None) != (self.action is Action.REMOVE):
            raise ValueError("add and change need a role, remove takes none")
        return self


class MemberBulk(Input):
    items: Annotated[list[MemberItem], Field(min_length=1, max_length=MOST_ITEMS)]
    atomic: bool = Field(False, description="All or none: nothing is done when one item cannot be.")


class MemberJson(TypedDict):
    user_id: str
    email: str
    tenant_id: str
    role: str
    joined_at: datetime


class MemberPageJson(TypedDict):
    items: list[MemberJson]
    cursor: str | None


class MemberResultJson(TypedDict):
    """What became of one item, in their order. `error` is a problem as it would be answered to that item alone."""

    ok: bool
    action: str
    member: MemberJson | None
    error: dict[str, Any] | None


class MemberResultsJson(TypedDict):
    items: list[MemberResultJson]


@members.api(
    "GET",
    "/api/tenants/{tenant_id}/members",
    permission=Permission.MEMBERS_READ,
    summary="List members",
    details="By address.",
    query=MemberListQuery,
    answers={200: MemberPageJson},
    headers={"Link": 'Address of the next page (`rel="next"`), when there is one.'},
)
def list_members(request: Request, tenant_id: str, query: MemberListQuery) -> Answer:
    page = operations.list_members(
        request.ports, request.caller, tenant_id, role=query.role, limit=query.limit, cursor=query.cursor
    )
    shown = {"items": [member_json(each) for each in page.items], "cursor": page.cursor}
    return json_answer(shown, headers=next_link(request, page.cursor))


@members.api(
    "POST",
    "/api/tenants/{tenant_id}/members",
    permission=Permission.MEMBERS_WRITE,
    summary="Add a member",
    details="Somebody who has an account.",
    body=json_body(NewMember, example={"email": "grace@example.org", "role": "operator"}),
    answers={201: MemberJson},
    errors=(409, 422),
    headers={"Location": "Address of the member."},
)
def add_member(request: Request, tenant_id: str, body: NewMember) -> Answer:
    member = operations.add(request.ports, request.caller, tenant_id, email=body.email, role=body.role)
    place = f"{request.base}/api/tenants/{tenant_id}/members/{member.user_id}"
    return json_answer(member_json(member), 201, {"Location": place})


@members.api(
    "POST",
    "/api/tenants/{tenant_id}/members/bulk",
    permission=Permission.MEMBERS_WRITE,
    summary="Add, change and remove many members",
    details="Each item is tried by itself and has a result. With `atomic`, a 422 lists what hinders the whole.",
    body=json_body(MemberBulk, example={"items": [{"action": "add", "email": "a@example.org", "role": "viewer"}]}),
    answers={200: MemberResultsJson},
    errors=(422,),
)
def bulk_members(request: Request, tenant_id: str, body: MemberBulk) -> Answer:
    act = operations.bulk_atomic if body.atomic else operations.bulk
    results = act(request.ports, request.caller, tenant_id, [_item(each) for each in body.items])
    return json_answer({"items": [_result_json(each, request.request_id) for each in results]})


@members.api(
    "GET",
    "/api/tenants/{tenant_id}/members/{user_id}",
    permission=Permission.MEMBERS_READ,
    summary="See a member",
    answers={200: MemberJson},
)
def get_member(request: Request, tenant_id: str, user_id: str) -> Answer:
    return json_answer(member_json(operations.get(request.ports, request.caller, tenant_id, user_id)))


@members.api(
    "PATCH",
    "/api/tenants/{tenant_id}/members/{user_id}",
    permission=Permission.MEMBERS_WRITE,
    summary="Change a member's role",
    details="The last admin stays one (422).",
    body=json_body(MemberChange, example={"role": "viewer"}),
    answers={200: MemberJson},
    errors=(422,),
)
def change_member(request: Request, tenant_id: str, user_id: str, body: MemberChange) -> Answer:
    member = operations.change_role(request.ports, request.caller, tenant_id, user_id, body.role)
    return json_answer(member_json(member))


@members.api(
    "DELETE",
    "/api/tenants/{tenant_id}/members/{user_id}",
    permission=Permission.MEMBERS_WRITE,
    summary="Remove a member",
    details="Their access ends at once. The last admin stays (422).",
    answers={204: None},
    errors=(409, 422),
)
def remove_member(request: Request, tenant_id: str, user_id: str) -> Answer:
    operations.remove(request.ports, request.caller, tenant_id, user_id)
    return no_content()


def member_json(member: Member) -> MemberJson:
    return {
        "user_id": member.user_id,
        "email": member.email,
        "tenant_id": member.tenant_id,
        "role": member.role.value,
        "joined_at": member.joined_at,
    }


def _item(item: MemberItem) -> Item:
    return Item(action=item.action, email=item.email or "", user_id=item.user_id or "", role=item.role or Role.VIEWER)


def _result_json(result: Result, request_id: str) -> MemberResultJson:
    return {
        "ok": result.error is None,
        "action": result.item.action.value,
        "member": member_json(result.member) if result.member else None,
        "error": problem(result.error, request_id) if result.error else None,
    }
