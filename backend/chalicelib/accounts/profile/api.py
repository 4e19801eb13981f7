"""What is one's own: password, sessions, API keys, organisations."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.accounts import admission, keys, passwords, proofs, sessions
from chalicelib.accounts.keys import ApiKey
from chalicelib.accounts.model import Caller, Role, Session
from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input
from chalicelib.exchange import Answer, Request, json_answer, no_content
from chalicelib.rest import Blueprint, json_body

profile = Blueprint(__name__, group="Your account")


class PasswordChange(Input):
    current: str
    new: str = Field(description="10 to 200 characters.")


class KeyRequest(Input):
    name: str = Field(description="What it is for; 1 to 100 characters.")
    role: Annotated[Role, Field(strict=False, description="What it may do; at most your own role.")]
    permissions: (
        Annotated[list[Annotated[Permission, Field(strict=False)]], Field(max_length=50, description="Only these.")]
        | None
    ) = None
    days: int = Field(keys.LASTS_DAYS, description="How long it works.")


class SessionJson(TypedDict):
    """One sign-in. `current` is the one that asks."""

    session_id: str
    kind: str
    created_at: datetime
    used_at: datetime
    address: str
    user_agent: str
    current: bool


class SessionListJson(TypedDict):
    items: list[SessionJson]


class KeyJson(TypedDict):
    """`permissions` narrow the role; null is all that the role has. `used_at` is exact to a minute."""

    key_id: str
    name: str
    role: str
    permissions: list[str] | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class NewKeyJson(KeyJson):
    """`key` is shown this once."""

    key: str


class KeyListJson(TypedDict):
    items: list[KeyJson]


class PlaceJson(TypedDict):
    tenant_id: str
    organisation: str
    status: str
    role: str


class PlaceListJson(TypedDict):
    items: list[PlaceJson]


@profile.api(
    "POST",
    "/api/user/password",
    permission=Permission.ACCOUNT_WRITE,
    summary="Change your password",
    details="All your other sessions end.",
    body=json_body(PasswordChange),
    answers={204: None},
    errors=(429,),
)
def change_password(request: Request, body: PasswordChange) -> Answer:
    passwords.change(request.ports, request.caller, current=body.current, new=body.new)
    return no_content()


@profile.api(
    "POST",
    "/api/user/verification",
    permission=Permission.ACCOUNT_WRITE,
    summary="Have the mail that confirms your address sent again",
    answers={202: None},
    errors=(409, 429),
)
def send_verification(request: Request) -> Answer:
    proofs.send_verification(request.ports, request.caller)
    return Answer(b"", 202)


@profile.api(
    "GET",
    "/api/user/sessions",
    permission=Permission.ACCOUNT_READ,
    summary="List your sessions",
    answers={200: SessionListJson},
)
def list_sessions(request: Request) -> Answer:
    found = sessions.list_sessions(request.ports, request.caller)
    return json_answer({"items": [_session_json(each, request.caller) for each in found]})


@profile.api(
    "DELETE",
    "/api/user/sessions/{session_id}",
    permission=Permission.ACCOUNT_WRITE,
    summary="End one of your sessions",
    details="Its tokens and its cookie stop working at once.",
    answers={204: None},
)
def revoke_session(request: Request, session_id: str) -> Answer:
    sessions.revoke(request.ports, request.caller, session_id)
    return no_content()


@profile.api(
    "GET",
    "/api/user/tenants",
    permission=Permission.ACCOUNT_READ,
    summary="List your organisations",
    details="`X-Tenant-Id` names the one that a request is about.",
    answers={200: PlaceListJson},
)
def list_places(request: Request) -> Answer:
    places = admission.list_places(request.ports, request.caller)
    return json_answer(
        {
            "items": [
                {
                    "tenant_id": each.tenant_id,
                    "organisation": each.organisation,
                    "status": each.status.value,
                    "role": each.role.value,
                }
                for each in places
            ]
        }
    )


@profile.api(
    "GET",
    "/api/user/keys",
    permission=Permission.KEYS_READ,
    summary="List your API keys in this organisation",
    answers={200: KeyListJson},
)
def list_keys(request: Request) -> Answer:
    return json_answer({"items": [_key_json(each) for each in keys.list_keys(request.ports, request.caller)]})


@profile.api(
    "POST",
    "/api/user/keys",
    permission=Permission.KEYS_WRITE,
    summary="Make an API key",
    details="It is sent like an access token: `Authorization: Bearer mr_...`. It works in this organisation only.",
    body=json_body(KeyRequest, example={"name": "Nightly build", "role": "operator", "days": 90}),
    answers={201: NewKeyJson},
    secret=True,
)
def create_key(request: Request, body: KeyRequest) -> Answer:
    key, text = keys.create(
        request.ports,
        request.caller,
        name=body.name,
        role=body.role,
        permissions=body.permissions,
        days=body.days,
    )
    return json_answer({**_key_json(key), "key": text}, 201)


@profile.api(
    "DELETE",
    "/api/user/keys/{key_id}",
    permission=Permission.ACCOUNT_WRITE,
    summary="Revoke an API key",
    details="It stops working at once.",
    answers={204: None},
)
def revoke_key(request: Request, key_id: str) -> Answer:
    keys.revoke(request.ports, request.caller, key_id)
    return no_content()


def _session_json(session: Session, caller: Caller) -> SessionJson:
    return {
        "session_id": session.session_id,
        "kind": session.kind.value,
        "created_at": session.created_at,
        "used_at": session.used_at,
        "address": session.address,
        "user_agent": session.user_agent,
        "current": session.session_id == caller.session_id,
    }


def _key_json(key: ApiKey) -> KeyJson:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": key.role.value,
        "permissions": None if key.permissions is None else sorted(key.permissions),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
    }
