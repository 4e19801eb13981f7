"""Signing up, in and out over REST."""

from pydantic import Field
from typing_extensions import TypedDict

from chalicelib.accounts import operations, passwords, proofs
from chalicelib.accounts.permissions import Permission
from chalicelib.bodies import Input
from chalicelib.exchange import Answer, Request, json_answer, no_content
from chalicelib.identity import Tokens
from chalicelib.rest import Blueprint, json_body

accounts = Blueprint(__name__, group="Accounts")


class Signup(Input):
    email: str = Field(description="E-mail address; it is unique, whatever its case.")
    password: str = Field(description="10 to 200 characters.")
    organisation: str = Field(description="2 to 100 letters, digits, spaces, hyphens and apostrophes; unique.")


class Login(Input):
    email: str
    password: str


class RefreshToken(Input):
    refresh_token: str


class Forgotten(Input):
    email: str


class NewPassword(Input):
    token: str = Field(description="From the link in the mail.", max_length=200)
    password: str = Field(description="10 to 200 characters.")


class Verification(Input):
    token: str = Field(description="From the link in the mail.", max_length=200)


class TokensJson(TypedDict):
    """`expires_in` is the life of the access token in seconds. The refresh token works once."""

    access_token: str
    refresh_token: str
    expires_in: int


class UserJson(TypedDict):
    """Who is signed in, and as what."""

    user_id: str
    email: str
    tenant_id: str
    organisation: str
    role: str
    tenant_status: str
    platform_admin: bool
    email_verified: bool


@accounts.api(
    "POST",
    "/api/signup",
    public=True,
    summary="Sign up",
    details="Makes the user, their organisation and its first admin, and signs in.",
    body=json_body(
        Signup, example={"email": "ada@example.org", "password": "analytical engine", "organisation": "Engines"}
    ),
    answers={201: TokensJson},
    errors=(409,),
)
def signup(request: Request, body: Signup) -> Answer:
    operations.signup(
        request.ports,
        email=body.email,
        password=body.password,
        organisation=body.organisation,
        origin=request.origin,
    )
    tokens = operations.login(request.ports, email=body.email, password=body.password, origin=request.origin)
    return _answer(tokens, 201)


@accounts.api(
    "POST",
    "/api/login",
    public=True,
    summary="Sign in",
    details="After five failures for one address each further one makes the next attempt wait longer (429).",
    body=json_body(Login, example={"email": "ada@example.org", "password": "analytical engine"}),
    answers={200: TokensJson},
    errors=(401, 403, 429),
)
def login(request: Request, body: Login) -> Answer:
    tokens = operations.login(request.ports, email=body.email, password=body.password, origin=request.origin)
    return _answer(tokens, 200)


@accounts.api(
    "POST",
    "/api/token/refresh",
    public=True,
    summary="Get a new pair of tokens",
    details="A refresh token works once. Using one again signs out whoever shares the sign-in.",
    body=json_body(RefreshToken),
    answers={200: TokensJson},
    errors=(401,),
)
def refresh(request: Request, body: RefreshToken) -> Answer:
    return _answer(operations.refresh(request.ports, body.refresh_token, request.origin), 200)


@accounts.api(
    "POST",
    "/api/logout",
    public=True,
    summary="Sign out",
    details="The refresh token and all that came from the same sign-in end. Unknown tokens are no error.",
    body=json_body(RefreshToken),
    answers={204: None},
)
def logout(request: Request, body: RefreshToken) -> Answer:
    operations.logout(request.ports, body.refresh_token)
    return no_content()


@accounts.api("GET", "/api/user", permission=Permission.ACCOUNT_READ, summary="Who am I", answers={200: UserJson})
def get_user(request: Request) -> Answer:
    caller = request.caller
    me: UserJson = {
        "user_id": caller.user_id,
        "email": caller.email,
        "tenant_id": caller.tenant_id,
        "organisation": caller.organisation,
        "role": caller.role.value,
        "tenant_status": caller.tenant_status.value,
        "platform_admin": caller.platform_admin,
        "email_verified": proofs.is_verified(request.ports, caller),
    }
    return json_answer(me)


@accounts.api(
    "POST",
    "/api/password/forgot",
    public=True,
    summary="Ask for a new password",
    details="Sends a link to the address, if somebody has an account with it; the answer is the same if nobody has.",
    body=json_body(Forgotten, example={"email": "ada@example.org"}),
    answers={202: None},
)
def forgot_password(request: Request, body: Forgotten) -> Answer:
    passwords.forget(request.ports, body.email)
    return Answer(b"", 202)


@accounts.api(
    "POST",
    "/api/password/reset",
    public=True,
    summary="Choose a new password by a mailed link",
    details="All sessions of the user end.",
    body=json_body(NewPassword),
    answers={204: None},
    errors=(404,),
)
def reset_password(request: Request, body: NewPassword) -> Answer:
    passwords.reset(request.ports, body.token, body.password, request.origin)
    return no_content()


@accounts.api(
    "POST",
    "/api/email/verify",
    public=True,
    summary="Confirm an address by a mailed link",
    body=json_body(Verification),
    answers={204: None},
    errors=(404,),
)
def verify_email(request: Request, body: Verification) -> Answer:
    proofs.verify(request.ports, body.token, request.origin)
    return no_content()


def tokens_json(tokens: Tokens) -> TokensJson:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_in": tokens.expires_in,
    }


def _answer(tokens: Tokens, status: int) -> Answer:
    return json_answer(tokens_json(tokens), status)
