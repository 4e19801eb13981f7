import jwt
import pytest

from chalicelib.documents import Key
from chalicelib.errors import NotSignedIn
from chalicelib.identity.local import HASHER, LocalIdentity
from chalicelib.identity.signing import KEPT, rotate
from tests import make
from tests.contracts.identity import EMAIL, PASSWORD, IdentityTokensContract, IdentityUsersContract, begin


@pytest.fixture
def ports(clock):
    return make.ports(clock)


@pytest.fixture
def identity(ports):
    return ports.identity


@pytest.fixture
def documents(ports):
    return ports.documents


@pytest.fixture
def user(identity):
    return identity.create_user(EMAIL, PASSWORD)


class TestUsers(IdentityUsersContract):
    pass


class TestTokens(IdentityTokensContract):
    pass


def test_an_access_token_lasts_15_minutes(identity, user):
    assert begin(identity).expires_in == 15 * 60


def test_an_unknown_address_costs_as_much_hashing(ports):
    nobody = LocalIdentity(ports.documents, ports.clock, ports.keys)._nobody
    assert not HASHER.check_needs_rehash(nobody)


def test_passwords_are_stored_as_argon2id(ports, user):
    stored = ports.documents.get(Key(f"user#{user.user_id}", "identity"))
    assert stored.body["password"].startswith("$argon2id$")


def test_a_token_of_another_home_is_refused(identity, user):
    other = make.ports().identity
    other.create_user(EMAIL, PASSWORD)
    with pytest.raises(NotSignedIn):
        identity.verify(begin(other).access_token)


def test_an_unsigned_token_is_refused(identity, user):
    header = jwt.get_unverified_header(begin(identity).access_token)
    claims = {"sub": user.user_id, "email": user.email, "sid": "x", "exp": 9_999_999_999}
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": header["kid"]})
    with pytest.raises(NotSignedIn):
        identity.verify(unsigned)


def another_process(ports):
    return LocalIdentity(ports.documents, ports.clock, ports.keys, hasher=make.CHEAP_HASHER)


def test_processes_of_one_home_know_each_others_tokens(ports, user):
    assert another_process(ports).verify(begin(ports.identity).access_token).user == user


def test_after_a_rotation_a_new_key_signs(ports, identity, user):
    before = begin(identity).access_token
    kid = rotate(ports.keys)
    after = begin(identity).access_token
    assert jwt.get_unverified_header(before)["kid"] != kid == jwt.get_unverified_header(after)["kid"]


def test_tokens_of_before_a_rotation_go_on(ports, identity, user):
    token = begin(identity).access_token
    rotate(ports.keys)
    assert identity.verify(token).user == user


def test_a_rotation_reaches_processes_that_run(ports, user):
    other = another_process(ports)
    rotate(ports.keys)
    assert other.verify(begin(ports.identity).access_token).user == user


def test_a_key_that_was_rotated_out_verifies_nothing(ports, identity, user):
    token = begin(identity).access_token
    identity.verify(token)
    for _ in range(KEPT):
        rotate(ports.keys)
    begin(identity)
    with pytest.raises(NotSignedIn):
        identity.verify(token)
