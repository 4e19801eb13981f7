import pytest

from chalicelib.documents.sqlite import SqliteDocuments
from chalicelib.presence import HELD
from chalicelib.presence.heartbeats import HeartbeatPresence
from chalicelib.presence.locks import LockPresence
from chalicelib.sqlite import Database
from tests.contracts.presence import PresenceContract, die


@pytest.fixture
def documents(clock):
    return SqliteDocuments(Database(None), clock)


@pytest.fixture
def machine(documents, clock, tmp_path):
    """Presence as a machine of its own sees it."""
    return lambda name: HeartbeatPresence(documents, clock, LockPresence(tmp_path / name))


class TestLocks(PresenceContract):
    @pytest.fixture
    def presence(self, tmp_path):
        return LockPresence(tmp_path)


class TestHeartbeats(PresenceContract):
    @pytest.fixture
    def presence(self, machine):
        return machine("here")


def test_a_worker_of_another_machine_lives_as_long_as_it_is_heard_of(machine, clock):
    place = machine("here").enter("one")
    for _ in range(5):
        clock.tick(HELD - 1)
        place.stay()
    assert machine("there").is_present("one")
    assert machine("there").departed() == []


def test_a_worker_that_died_elsewhere_has_departed_when_it_was_not_heard_of(machine, clock):
    die(machine("here"), "one")
    assert machine("there").departed() == []
    clock.tick(HELD)
    assert machine("there").departed() == ["one"]


def test_a_death_that_its_own_machine_notices_is_known_everywhere(machine):
    die(machine("here"), "one")
    machine("here").departed()
    assert not machine("there").is_present("one")


def test_a_worker_gives_up_its_place_before_others_take_it_for_gone(machine, clock):
    place = machine("here").enter("one")
    clock.tick(HELD - 9)
    assert machine("there").is_present("one")
    assert not place.is_held()


def test_a_worker_that_was_taken_for_gone_has_no_place_any_more(machine, clock):
    place = machine("here").enter("one")
    machine("there").forget("one")
    place.stay()
    assert not place.is_held()
