from datetime import timedelta

import jwt
import pytest

from chalicelib.documents import ConditionFailed, Exists, Key, Put
from chalicelib.errors import NotSignedIn
from chalicelib.identity import EmailTaken, WrongPassword
from chalicelib.identity.local import HASHER, LocalIdentity
from tests import make

EMAIL, PASSWORD = "ada@engines.example", "analytical engine"


@pytest.fixture
def identity(ports):
    return ports.identity


@pytest.fixture
def user(identity):
    return identity.create_user(EMAIL, PASSWORD)


def test_a_password_signs_its_user_in(identity, user):
    assert identity.check_password(EMAIL, PASSWORD) == user


def test_addresses_do_not_differ_by_case(identity, user):
    assert identity.check_password(" ADA@Engines.Example ", PASSWORD) == user


def test_an_address_has_one_account(identity, user):
    with pytest.raises(EmailTaken):
        identity.create_user(EMAIL.upper(), "another password")


def test_a_wrong_password_is_refused(identity, user):
    with pytest.raises(WrongPassword):
        identity.check_password(EMAIL, "analytical engines")


def test_an_unknown_address_is_refused_alike(identity, user):
    with pytest.raises(WrongPassword) as unknown:
        identity.check_password("nobody@engines.example", PASSWORD)
    with pytest.raises(WrongPassword) as wrong:
        identity.check_password(EMAIL, "something else")
    assert unknown.value.detail == wrong.value.detail


def test_an_unknown_address_costs_as_much_hashing(ports):
    nobody = LocalIdentity(ports.documents, ports.clock, ports.settings.data / "other")._nobody
    assert not HASHER.check_needs_rehash(nobody)


def test_passwords_are_stored_as_argon2id(ports, user):
    stored = ports.documents.get(Key(f"user#{user.user_id}", "identity"))
    assert stored.body["password"].startswith("$argon2id$")


def test_what_comes_along_is_written_with_the_user(ports):
    key = Key("a", "b")
    ports.identity.create_user(EMAIL, PASSWORD, along=lambda user: [Put(key, {"of": user.user_id})])
    assert ports.documents.get(key) is not None


def test_without_what_comes_along_there_is_no_user(ports):
    with pytest.raises(ConditionFailed):
        ports.identity.create_user(EMAIL, PASSWORD, along=lambda _: [Put(Key("a", "b"), {}, [Exists()])])
    with pytest.raises(WrongPassword):
        ports.identity.check_password(EMAIL, PASSWORD)


def test_an_access_token_stands_for_its_user(identity, user):
    assert identity.verify(identity.issue(user).access_token) == user


def test_an_access_token_lasts_15_minutes(ports, user):
    tokens = ports.identity.issue(user)
    ports.clock.tick(tokens.expires_in - 1)
    ports.identity.verify(tokens.access_token)
    ports.clock.tick(1)
    with pytest.raises(NotSignedIn):
        ports.identity.verify(tokens.access_token)


def test_a_token_of_another_home_is_refused(identity, user):
    theirs = make.ports().identity.issue(user)
    with pytest.raises(NotSignedIn):
        identity.verify(theirs.access_token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é.é.é", "x" * 10_000])
def test_rubbish_is_no_access_token(identity, token):
    with pytest.raises(NotSignedIn):
        identity.verify(token)


def test_an_unsigned_token_is_refused(identity, user):
    header = jwt.get_unverified_header(identity.issue(user).access_token)
    claims = {"sub": user.user_id, "email": user.email, "exp": 9_999_999_999}
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": header["kid"]})
    with pytest.raises(NotSignedIn):
        identity.verify(unsigned)


def test_processes_of_one_home_know_each_others_tokens(ports, user):
    other = LocalIdentity(ports.documents, ports.clock, ports.settings.data / "keys")
    assert other.verify(ports.identity.issue(user).access_token) == user


def test_a_refresh_token_gives_a_new_pair(identity, user):
    fresh = identity.refresh(identity.issue(user).refresh_token)
    assert identity.verify(fresh.access_token) == user


def test_a_refresh_token_works_once(identity, user):
    first = identity.issue(user)
    identity.refresh(first.refresh_token)
    with pytest.raises(NotSignedIn):
        identity.refresh(first.refresh_token)


def test_using_a_refresh_token_again_ends_all_that_came_from_it(identity, user):
    first = identity.issue(user)
    second = identity.refresh(first.refresh_token)
    with pytest.raises(NotSignedIn):
        identity.refresh(first.refresh_token)
    with pytest.raises(NotSignedIn):
        identity.refresh(second.refresh_token)


def test_another_sign_in_goes_on_when_one_is_ended(identity, user):
    one, other = identity.issue(user), identity.issue(user)
    identity.revoke(one.refresh_token)
    assert identity.refresh(other.refresh_token)


def test_a_refresh_token_lasts_30_days(ports, user):
    tokens = ports.identity.issue(user)
    ports.clock.tick(timedelta(days=30).total_seconds())
    with pytest.raises(NotSignedIn):
        ports.identity.refresh(tokens.refresh_token)


def test_a_revoked_refresh_token_is_dead(identity, user):
    tokens = identity.issue(user)
    identity.revoke(tokens.refresh_token)
    with pytest.raises(NotSignedIn):
        identity.refresh(tokens.refresh_token)


@pytest.mark.parametrize("token", ["", ".", "a.b", "a", "#.x", "x" * 10_000])
def test_rubbish_is_no_refresh_token(identity, token):
    identity.revoke(token)
    with pytest.raises(NotSignedIn):
        identity.refresh(token)
