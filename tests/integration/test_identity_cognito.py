from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import jwt
import pytest
import requests
from ulid import ULID

from chalicelib.documents import Documents
from chalicelib.errors import NotSignedIn
from chalicelib.identity import User
from chalicelib.identity.cognito import CognitoIdentity, KeySet, create_pool, issuer
from tests import make
from tests.contracts.identity import EMAIL, PASSWORD, IdentityTokensContract, IdentityUsersContract, begin
from tests.integration.conftest import REGION

pytestmark = pytest.mark.integration

numbers = count(1)


class ShiftedClock:
    """The machine's time, by which the emulator stamps its tokens, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def new_id(self) -> str:
        return str(ULID())


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def pass_time(clock: ShiftedClock) -> Callable[[float], None]:
    def wind(seconds: float) -> None:
        clock.ahead += timedelta(seconds=seconds)

    return wind


@pytest.fixture
def client(aws: Callable[[str], Any]) -> Any:
    return aws("cognito-idp")


@pytest.fixture
def pool(client: Any) -> tuple[str, str]:
    return create_pool(client, f"millrace-{next(numbers)}")


@pytest.fixture
def documents(clock: ShiftedClock) -> Documents:
    return make.ports(clock).documents


class Fetches:
    """Reads the keys as the adapter would, by a client that the emulator answers."""

    def __init__(self, pool_id: str) -> None:
        self.url = f"{issuer(REGION, pool_id)}/.well-known/jwks.json"
        self.number = 0

    def __call__(self) -> KeySet:
        self.number += 1
        found: KeySet = requests.get(self.url, timeout=5).json()
        return found


@pytest.fixture
def fetches(pool: tuple[str, str]) -> Fetches:
    return Fetches(pool[0])


@pytest.fixture
def identity(
    client: Any, documents: Documents, clock: ShiftedClock, pool: tuple[str, str], fetches: Fetches
) -> CognitoIdentity:
    pool_id, client_id = pool
    return CognitoIdentity(client, documents, clock, pool_id=pool_id, client_id=client_id, keys=fetches)


@pytest.fixture
def user(identity: CognitoIdentity) -> User:
    return identity.create_user(EMAIL, PASSWORD)


class TestUsers(IdentityUsersContract):
    pass


class TestTokens(IdentityTokensContract):
    pass


def test_the_keys_of_the_pool_are_fetched_once(identity: CognitoIdentity, user: User, fetches: Fetches) -> None:
    for _ in range(3):
        identity.verify(begin(identity).access_token)
    assert fetches.number == 1


def test_a_token_with_an_unknown_key_fetches_them_at_most_once_a_minute(
    identity: CognitoIdentity, fetches: Fetches, pass_time: Callable[[float], None]
) -> None:
    forged = jwt.encode({"sub": "x"}, "k" * 32, algorithm="HS256", headers={"kid": "other"})
    for seconds in (0, 1, 60):
        pass_time(seconds)
        with pytest.raises(NotSignedIn):
            identity.verify(forged)
    assert fetches.number == 2


def test_a_token_of_another_client_of_the_pool_is_refused(
    identity: CognitoIdentity, user: User, client: Any, pool: tuple[str, str]
) -> None:
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    made = client.create_user_pool_client(UserPoolId=pool[0], ClientName="other", ExplicitAuthFlows=flows)
    granted = client.admin_initiate_auth(
        UserPoolId=pool[0],
        ClientId=made["UserPoolClient"]["ClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": EMAIL, "PASSWORD": PASSWORD},
    )
    with pytest.raises(NotSignedIn):
        identity.verify(granted["AuthenticationResult"]["AccessToken"])


def test_an_id_token_is_no_access_token(
    identity: CognitoIdentity, user: User, client: Any, pool: tuple[str, str]
) -> None:
    granted = client.admin_initiate_auth(
        UserPoolId=pool[0],
        ClientId=pool[1],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": EMAIL, "PASSWORD": PASSWORD},
    )
    with pytest.raises(NotSignedIn):
        identity.verify(granted["AuthenticationResult"]["IdToken"])


def test_what_a_crashed_sign_up_left_in_the_pool_is_in_nobody_s_way(
    identity: CognitoIdentity, client: Any, pool: tuple[str, str], pass_time: Callable[[float], None]
) -> None:
    client.admin_create_user(UserPoolId=pool[0], Username=EMAIL, MessageAction="SUPPRESS")
    pass_time(61)
    user = identity.create_user(EMAIL, PASSWORD)
    assert identity.check_password(EMAIL, PASSWORD) == user


def test_the_pool_lets_access_tokens_live_15_minutes(client: Any, pool: tuple[str, str]) -> None:
    found = client.describe_user_pool_client(UserPoolId=pool[0], ClientId=pool[1])["UserPoolClient"]
    assert (found["AccessTokenValidity"], found["TokenValidityUnits"]["AccessToken"]) == (15, "minutes")
