import os

from chalicelib.presence import Presence


class PresenceContract:
    """Wants the fixture `presence`, where nobody was yet."""

    def test_it_works(self, presence: Presence) -> None:
        presence.enter("one")
        assert presence.is_present("one")
        assert presence.present() == ["one"]

    def test_who_never_came_is_not_there(self, presence: Presence) -> None:
        assert not presence.is_present("one")
        assert not presence.is_present("")
        assert (presence.present(), presence.departed()) == ([], [])

    def test_who_left_has_departed_until_forgotten(self, presence: Presence) -> None:
        presence.enter("one").leave()
        assert (presence.is_present("one"), presence.departed()) == (False, ["one"])
        presence.forget("one")
        assert presence.departed() == []

    def test_who_stays_is_there(self, presence: Presence) -> None:
        place = presence.enter("one")
        place.stay()
        assert place.is_held()
        assert presence.is_present("one")

    def test_who_left_may_come_again(self, presence: Presence) -> None:
        presence.enter("one").leave()
        presence.enter("one")
        assert (presence.is_present("one"), presence.departed()) == (True, [])

    def test_some_leave_and_others_stay(self, presence: Presence) -> None:
        places = {name: presence.enter(name) for name in ("a", "b", "c")}
        places["b"].leave()
        assert (sorted(presence.present()), presence.departed()) == (["a", "c"], ["b"])

    def test_who_dies_on_the_machine_has_departed_at_once(self, presence: Presence) -> None:
        die(presence, "one")
        assert presence.departed() == ["one"]
        assert not presence.is_present("one")

    def test_forgetting_who_is_not_known_is_no_error(self, presence: Presence) -> None:
        presence.forget("one")


def die(presence: Presence, worker: str) -> None:
    """The kernel closes what the worker had open."""
    for file in presence.enter(worker).files:
        os.close(file)
