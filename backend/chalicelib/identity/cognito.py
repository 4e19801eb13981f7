"""Users in a Cognito user pool.

Cognito keeps the passwords and signs the access tokens, which are verified here with the pool's public keys. What it
does not promise is kept in the document store, as at home: that an address leads to a user, and that a refresh token
works once. Our refresh token is one of a family with Cognito's own behind it.
"""

import json
import logging
import re
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt

from chalicelib.aws import Client, Refused, call
from chalicelib.clock import Clock, to_text
from chalicelib.documents import Absent, Documents, Key, Put, Write
from chalicelib.errors import Fault, Invalid, NotSignedIn, Unavailable
from chalicelib.identity import EmailTaken, SignedIn, Tokens, User, WrongPassword, nothing_else
from chalicelib.identity.families import Families, session_of

log = logging.getLogger(__name__)

KeySet = Mapping[str, Any]
"""A JSON Web Key Set, parsed."""

ALGORITHM = "RS256"
FETCHED_AT_MOST = timedelta(minutes=1)
"""So often are the pool's keys asked for anew because a token names one that is not known."""
ABANDONED = timedelta(minutes=1)
"""A user of the pool that is this old and has no document here was left by a sign-up that a crash cut."""
_NO_SUCH = {"NotAuthorizedException", "UserNotFoundException", "PasswordResetRequiredException"}
_BETWEEN = "~"


def fetch_keys(pool_id: str, *, endpoint: str = "") -> Callable[[], KeySet]:
    """Reads the pool's public keys from AWS, or from the emulator at `endpoint`. Raises Unavailable."""
    base = f"{endpoint}/{pool_id}" if endpoint else issuer(pool_id.partition("_")[0], pool_id)
    url = f"{base}/.well-known/jwks.json"

    def fetch() -> KeySet:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the scheme is ours
                found: KeySet = json.load(answer)
        except OSError as error:
            raise Unavailable(f"The keys of the user pool are out of reach: {error}") from error
        return found

    return fetch


def issuer(region: str, pool_id: str) -> str:
    return f"https://cognito-idp.{region}.amazonaws.com/{pool_id}"


class CognitoIdentity:
    """`client` is one of `cognito-idp`; the pool's users have their addresses as names."""

    def __init__(
        self,
        client: Client,
        documents: Documents,
        clock: Clock,
        *,
        pool_id: str,
        client_id: str,
        keys: Callable[[], KeySet],
    ) -> None:
        self._client = client
        self._documents = documents
        self._clock = clock
        self._pool_id = pool_id
        self._client_id = client_id
        self._families = Families(documents, clock)
        self._keys = PoolKeys(keys, clock)
        self._emails: dict[str, str] = {}

    def create_user(
        self, email: str, password: str, *, along: Callable[[User], Sequence[Write]] = nothing_else
    ) -> User:
        user = self._create(normalise(email))
        body = {"user_id": user.user_id, "email": user.email, "created_at": to_text(self._clock.now())}
        mine = [Put(_user_key(user.user_id), body, [Absent()]), Put(_email_key(user.email), body, [Absent()])]
        try:
            self._set_password(user.email, password)
            self._documents.transact([*mine, *along(user)])
        except BaseException:
            # Without its documents the user is none.
            self._delete(user.email)
            raise
        return user

    def find_user(self, email: str) -> User | None:
        found = self._documents.get(_email_key(normalise(email)))
        return User(found.body["user_id"], found.body["email"]) if found else None

    def check_password(self, email: str, password: str) -> User:
        return self._signed_in(email, password)[0]

    def set_password(self, user: User, password: str, *, along: Sequence[Write] = ()) -> None:
        if along:
            self._documents.transact(along)
        self._set_password(user.email, password)

    def sign_in(self, email: str, password: str) -> tuple[User, Tokens]:
        user, granted = self._signed_in(email, password)
        session_id = _plain(self._claims(granted["AccessToken"])["origin_jti"])
        refresh_token = self._families.begin(user, session_id)
        return user, _tokens(granted, f"{refresh_token}{_BETWEEN}{granted['RefreshToken']}")

    def verify(self, access_token: str) -> SignedIn:
        claims = self._claims(access_token)
        if claims["exp"] <= self._clock.now().timestamp():
            raise NotSignedIn("The access token has expired; refresh it or sign in again.")
        user_id = _plain(claims["sub"])
        return SignedIn(User(user_id, self._email_of(user_id)), _plain(claims["origin_jti"]))

    def refresh(self, refresh_token: str) -> Tokens:
        ours, _, theirs = refresh_token.partition(_BETWEEN)
        session, fresh = self._families.renew(ours)
        try:
            granted = self._grant("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=theirs)
        except Refused as refusal:
            self._families.end(fresh)
            log.info("Cognito refused the refresh token of session %s: %s", session.session_id, refusal)
            raise NotSignedIn("The sign-in has ended; sign in again.") from None
        return _tokens(granted, f"{fresh}{_BETWEEN}{theirs}")

    def revoke(self, refresh_token: str) -> SignedIn | None:
        """Cognito's own token dies with ours: nobody else has it, and without ours it is not asked for."""
        return self._families.end(refresh_token.partition(_BETWEEN)[0])

    def _create(self, email: str) -> User:
        try:
            return self._create_in_pool(email)
        except Refused as refusal:
            if refusal.code != "UsernameExistsException":
                raise _judged(refusal) from None
        if not self._is_abandoned(email):
            raise EmailTaken(f"{email} has an account already; sign in instead.")
        self._delete(email)
        return self._create_in_pool(email)

    def _create_in_pool(self, email: str) -> User:
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        made = call(
            self._client.admin_create_user,
            UserPoolId=self._pool_id,
            Username=email,
            UserAttributes=attributes,
            MessageAction="SUPPRESS",
        )
        return User(_sub(made["User"]["Attributes"]), email)

    def _is_abandoned(self, email: str) -> bool:
        if self._documents.get(_email_key(email)):
            return False
        found = call(self._client.admin_get_user, UserPoolId=self._pool_id, Username=email)
        made_at: datetime = found["UserCreateDate"]
        return made_at < self._clock.now() - ABANDONED

    def _delete(self, email: str) -> None:
        call(self._client.admin_delete_user, UserPoolId=self._pool_id, Username=email)

    def _set_password(self, email: str, password: str) -> None:
        try:
            call(
                self._client.admin_set_user_password,
                UserPoolId=self._pool_id,
                Username=email,
                Password=password,
                Permanent=True,
            )
        except Refused as refusal:
            raise _judged(refusal) from None

    def _signed_in(self, email: str, password: str) -> tuple[User, Mapping[str, Any]]:
        email = normalise(email)
        try:
            granted = self._grant("ADMIN_USER_PASSWORD_AUTH", USERNAME=email, PASSWORD=password)
        except Refused as refusal:
            if refusal.code not in _NO_SUCH:
                raise _judged(refusal) from None
            raise WrongPassword("There is no account with this address and password.") from None
        user = self.find_user(email)
        if user is None:
            raise WrongPassword("There is no account with this address and password.")
        return user, granted

    def _grant(self, flow: str, **parameters: str) -> Mapping[str, Any]:
        answer = call(
            self._client.admin_initiate_auth,
            UserPoolId=self._pool_id,
            ClientId=self._client_id,
            AuthFlow=flow,
            AuthParameters=parameters,
        )
        granted: Mapping[str, Any] = answer["AuthenticationResult"]
        return granted

    def _claims(self, access_token: str) -> Mapping[str, Any]:
        """Of a token that the pool signed for us, expired or not. Raises NotSignedIn."""
        try:
            key = self._keys.of(jwt.get_unverified_header(access_token).get("kid", ""))
            claims: Mapping[str, Any] = jwt.decode(
                access_token,
                key,
                algorithms=[ALGORITHM],
                options={"require": ["sub", "exp", "origin_jti"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise NotSignedIn("The access token is not one of ours; sign in again.") from None
        ours = claims.get("client_id") == self._client_id and claims.get("token_use") == "access"
        if not ours or not str(claims.get("iss", "")).endswith(f"/{self._pool_id}"):
            raise NotSignedIn("The access token is not one of ours; sign in again.")
        return claims

    def _email_of(self, user_id: str) -> str:
        """Cognito's access tokens do not tell it; it never changes."""
        if user_id not in self._emails:
            found = self._documents.get(_user_key(user_id))
            if found is None:
                raise NotSignedIn("There is no such account any more.")
            self._emails[user_id] = found.body["email"]
        return self._emails[user_id]


class PoolKeys:
    """The pool's public keys by their ids, fetched when one is not known."""

    def __init__(self, fetch: Callable[[], KeySet], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None

    def of(self, kid: str) -> jwt.PyJWK:
        """Raises jwt.InvalidTokenError."""
        if kid not in self._keys and self._is_old():
            found = jwt.PyJWKSet.from_dict(dict(self._fetch()))
            self._keys = {key.key_id: key for key in found.keys if key.key_id}
            self._fetched_at = self._clock.now()
        if kid not in self._keys:
            raise jwt.InvalidTokenError
        return self._keys[kid]

    def _is_old(self) -> bool:
        return self._fetched_at is None or self._clock.now() - self._fetched_at >= FETCHED_AT_MOST


def create_pool(client: Client, name: str) -> tuple[str, str]:
    """A user pool as this adapter wants it, and its client: (pool_id, client_id)."""
    pool = call(
        client.create_user_pool,
        PoolName=name,
        Policies={"PasswordPolicy": {"MinimumLength": 10, **dict.fromkeys(_CLASSES, False)}},
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": True},
    )
    pool_id = pool["UserPool"]["Id"]
    made = call(
        client.create_user_pool_client,
        UserPoolId=pool_id,
        ClientName="millrace",
        ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        AccessTokenValidity=15,
        RefreshTokenValidity=30,
        TokenValidityUnits={"AccessToken": "minutes", "RefreshToken": "days"},
        PreventUserExistenceErrors="ENABLED",
        EnableTokenRevocation=True,
    )
    return pool_id, made["UserPoolClient"]["ClientId"]


_CLASSES = ("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols")


def normalise(email: str) -> str:
    return email.strip().lower()


def _tokens(granted: Mapping[str, Any], refresh_token: str) -> Tokens:
    return Tokens(granted["AccessToken"], refresh_token, granted["ExpiresIn"], session_of(refresh_token))


def _sub(attributes: Sequence[Mapping[str, str]]) -> str:
    return _plain(next(each["Value"] for each in attributes if each["Name"] == "sub"))


def _plain(uuid: str) -> str:
    """Our ids have no hyphens."""
    return uuid.replace("-", "")


def _judged(refusal: Refused) -> Exception:
    if refusal.code == "InvalidPasswordException":
        rule = re.sub(r"^.*?:\s*", "", str(refusal))
        return Invalid("The user pool does not take this password.", [Fault("password", f"is refused: {rule}")])
    if refusal.code == "InvalidParameterException":
        return Invalid(f"The user pool refused it: {refusal}")
    return refusal


def _user_key(user_id: str) -> Key:
    return Key(f"user#{user_id}", "identity")


def _email_key(email: str) -> Key:
    return Key(f"email#{email}", "user")
