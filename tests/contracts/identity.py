from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.documents import ConditionFailed, Documents, Exists, Key, Put
from chalicelib.errors import NotSignedIn
from chalicelib.identity import EmailTaken, Identity, TokenReused, Tokens, User, WrongPassword

EMAIL, PASSWORD = "ada@engines.example", "Analytical engine 1"
KEY = Key("a", "b")


def begin(identity: Identity) -> Tokens:
    return identity.sign_in(EMAIL, PASSWORD)[1]


class IdentityUsersContract:
    """Wants the fixtures `identity`, `documents` and `user`, who has EMAIL and PASSWORD."""

    def test_a_password_stands_for_its_user(self, identity: Identity, user: User) -> None:
        assert identity.check_password(EMAIL, PASSWORD) == user

    def test_an_address_leads_to_its_user(self, identity: Identity, user: User) -> None:
        assert identity.find_user(EMAIL) == user

    def test_an_address_that_nobody_has_leads_to_nobody(self, identity: Identity, user: User) -> None:
        assert identity.find_user("nobody@engines.example") is None

    def test_addresses_do_not_differ_by_case(self, identity: Identity, user: User) -> None:
        assert identity.check_password(" ADA@Engines.Example ", PASSWORD) == user
        assert identity.find_user("ADA@engines.example") == user

    def test_an_address_has_one_account(self, identity: Identity, user: User) -> None:
        with pytest.raises(EmailTaken):
            identity.create_user(EMAIL.upper(), "Another password 2")

    def test_a_wrong_password_is_refused(self, identity: Identity, user: User) -> None:
        with pytest.raises(WrongPassword):
            identity.check_password(EMAIL, "analytical engines")
        with pytest.raises(WrongPassword):
            identity.sign_in(EMAIL, "analytical engines")

    def test_an_unknown_address_is_refused_alike(self, identity: Identity, user: User) -> None:
        with pytest.raises(WrongPassword) as unknown:
            identity.check_password("nobody@engines.example", PASSWORD)
        with pytest.raises(WrongPassword) as wrong:
            identity.check_password(EMAIL, "something else")
        assert unknown.value.detail == wrong.value.detail

    def test_a_new_password_replaces_the_old_one(self, identity: Identity, user: User) -> None:
        identity.set_password(user, "Difference engine 2")
        assert identity.check_password(EMAIL, "Difference engine 2") == user
        with pytest.raises(WrongPassword):
            identity.check_password(EMAIL, PASSWORD)

    def test_a_password_stays_when_what_comes_along_fails(self, identity: Identity, user: User) -> None:
        with pytest.raises(ConditionFailed):
            identity.set_password(user, "Difference engine 2", along=[Put(KEY, {}, [Exists()])])
        assert identity.check_password(EMAIL, PASSWORD) == user

    def test_what_comes_along_is_written_with_the_user(self, identity: Identity, documents: Documents) -> None:
        user = identity.create_user(EMAIL, PASSWORD, along=lambda user: [Put(KEY, {"of": user.user_id})])
        found = documents.get(KEY)
        assert found is not None
        assert found.body == {"of": user.user_id}

    def test_without_what_comes_along_there_is_no_user(self, identity: Identity) -> None:
        with pytest.raises(ConditionFailed):
            identity.create_user(EMAIL, PASSWORD, along=lambda _: [Put(KEY, {}, [Exists()])])
        with pytest.raises(WrongPassword):
            identity.check_password(EMAIL, PASSWORD)
        assert identity.create_user(EMAIL, PASSWORD)


class IdentityTokensContract:
    """Wants the fixture `pass_time` too."""

    def test_an_access_token_stands_for_its_user(self, identity: Identity, user: User) -> None:
        found, tokens = identity.sign_in(EMAIL, PASSWORD)
        assert found == user
        assert identity.verify(tokens.access_token).user == user

    def test_all_tokens_of_a_sign_in_name_one_session(self, identity: Identity, user: User) -> None:
        first = begin(identity)
        second = identity.refresh(first.refresh_token)
        sessions = {identity.verify(each.access_token).session_id for each in (first, second)}
        assert sessions == {first.session_id} == {second.session_id}

    def test_each_sign_in_is_a_session_of_its_own(self, identity: Identity, user: User) -> None:
        assert begin(identity).session_id != begin(identity).session_id

    def test_an_access_token_lasts_as_long_as_it_says(
        self, identity: Identity, user: User, pass_time: Callable[[float], None]
    ) -> None:
        tokens = begin(identity)
        pass_time(tokens.expires_in - 10)
        identity.verify(tokens.access_token)
        pass_time(10)
        with pytest.raises(NotSignedIn):
            identity.verify(tokens.access_token)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é.é.é", "x" * 10_000])
    def test_rubbish_is_no_access_token(self, identity: Identity, token: str) -> None:
        with pytest.raises(NotSignedIn):
            identity.verify(token)

    def test_a_refresh_token_gives_a_new_pair(self, identity: Identity, user: User) -> None:
        first = begin(identity)
        fresh = identity.refresh(first.refresh_token)
        assert fresh.refresh_token != first.refresh_token
        assert identity.verify(fresh.access_token).user == user

    def test_using_a_refresh_token_again_ends_all_that_came_from_it(self, identity: Identity, user: User) -> None:
        first = begin(identity)
        second = identity.refresh(first.refresh_token)
        with pytest.raises(TokenReused) as reused:
            identity.refresh(first.refresh_token)
        with pytest.raises(NotSignedIn):
            identity.refresh(second.refresh_token)
        assert (reused.value.session.user, reused.value.session.session_id) == (user, first.session_id)

    def test_another_sign_in_goes_on_when_one_is_ended(self, identity: Identity, user: User) -> None:
        one, other = begin(identity), begin(identity)
        identity.revoke(one.refresh_token)
        assert identity.refresh(other.refresh_token)

    def test_a_refresh_token_lasts_30_days(
        self, identity: Identity, user: User, pass_time: Callable[[float], None]
    ) -> None:
        tokens = begin(identity)
        pass_time(timedelta(days=30).total_seconds())
        with pytest.raises(NotSignedIn):
            identity.refresh(tokens.refresh_token)

    def test_a_revoked_refresh_token_is_dead(self, identity: Identity, user: User) -> None:
        tokens = begin(identity)
        ended = identity.revoke(tokens.refresh_token)
        assert ended is not None
        assert (ended.user, ended.session_id) == (user, tokens.session_id)
        with pytest.raises(NotSignedIn):
            identity.refresh(tokens.refresh_token)

    def test_knowing_a_session_is_not_enough_to_end_it(self, identity: Identity, user: User) -> None:
        tokens = begin(identity)
        assert identity.revoke(f"{tokens.session_id}.guessed") is None
        assert identity.refresh(tokens.refresh_token)

    @pytest.mark.parametrize("token", ["", ".", "a.b", "a", "#.x", "x" * 10_000])
    def test_rubbish_is_no_refresh_token(self, identity: Identity, token: str) -> None:
        assert identity.revoke(token) is None
        with pytest.raises(NotSignedIn):
            identity.refresh(token)
