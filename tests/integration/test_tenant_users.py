"""Members of a tenant and their roles, on both stores."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.accounts import store
from chalicelib.accounts.members import operations, roster
from chalicelib.accounts.members.operations import Action, Item
from chalicelib.accounts.model import Role
from chalicelib.errors import MillraceError
from tests.engine import Crash, CrashingDocuments
from tests.people import PASSWORD

pytestmark = pytest.mark.integration

KNOWN = "mallory@elsewhere.example"


class Team:
    def __init__(self, people):
        self.people = people
        self.ports = people.ports
        self.tenant_id = people.tenant_id
        self.path = f"/api/tenants/{people.tenant_id}/members"

    def add(self, email=KNOWN, role="viewer", client=None):
        return (client or self.people.owner).post(self.path, {"email": email, "role": role})

    def roles(self, **query):
        given = "&".join(f"{name}={value}" for name, value in query.items())
        items = self.people.owner.get(f"{self.path}?{given}").json["items"]
        return {each["email"].partition("@")[0]: each["role"] for each in items}

    def id(self, client):
        return self.people.caller(client).user_id

    def change(self, client, role, by=None):
        return (by or self.people.owner).patch(f"{self.path}/{self.id(client)}", {"role": role})

    def remove(self, client, by=None):
        return (by or self.people.owner).delete(f"{self.path}/{self.id(client)}")

    def bulk(self, *items, atomic=False):
        return self.people.owner.post(f"{self.path}/bulk", {"items": list(items), "atomic": atomic})

    def users(self, number):
        """So many people who have an account."""
        addresses = [f"n{each:03d}@users.example" for each in range(number)]
        for each in addresses:
            self.ports.identity.create_user(each, PASSWORD)
        return addresses

    def counted(self):
        found = roster.read(self.ports, self.tenant_id)
        return (found.admins, found.members)


@pytest.fixture
def team(people):
    return Team(people)


ALL = {"ada": "admin", "edsger": "viewer", "grace": "operator"}


def test_it_works(team):
    reply = team.add()
    assert (reply.status, reply.json["email"], reply.json["role"]) == (201, KNOWN, "viewer")
    assert team.roles() == {**ALL, "mallory": "viewer"}


def test_a_member_is_found_at_its_address(team):
    made = team.add()
    assert team.people.owner.get(made.header("Location")).json == made.json


def test_nobody_is_added_twice(team):
    team.add()
    reply = team.add(role="admin")
    assert (reply.status, reply.json["type"]) == (409, "/api/docs#already-member")
    assert team.roles()["mallory"] == "viewer"


def test_who_has_no_account_is_to_be_invited(team):
    reply = team.add("nobody@engines.example")
    assert (reply.status, "invite them" in reply.json["detail"]) == (422, True)


@pytest.mark.parametrize("role", ["owner", "platform_admin", "", None, 1])
def test_there_are_three_roles(team, role):
    assert team.add(role=role).status == 400


def test_members_are_listed_by_address(team):
    assert list(team.roles()) == ["ada", "edsger", "grace"]


def test_the_list_has_pages(team):
    first = team.people.owner.get(f"{team.path}?limit=2")
    rest = team.people.owner.get(f"{team.path}?limit=2&cursor={first.json['cursor']}")
    assert [len(first.json["items"]), len(rest.json["items"]), rest.json["cursor"]] == [2, 1, None]
    assert 'rel="next"' in first.header("Link")


@pytest.mark.parametrize(("role", "names"), [("admin", ["ada"]), ("operator", ["grace"]), ("viewer", ["edsger"])])
def test_the_list_is_filtered_by_role(team, role, names):
    assert list(team.roles(role=role)) == names


def test_a_changed_role_moves_between_the_filters(team):
    team.change(team.people.viewer, "operator")
    assert (list(team.roles(role="viewer")), list(team.roles(role="operator"))) == ([], ["edsger", "grace"])


def test_a_role_counts_from_the_next_request_on(team):
    before = team.people.viewer.post("/api/jobs", {}).status
    team.change(team.people.viewer, "operator")
    assert (before, team.people.viewer.post("/api/jobs", {}).status) == (403, 400)


def test_a_removed_member_is_out_at_once(team):
    assert team.remove(team.people.teammate).status == 204
    assert team.people.teammate.get("/api/jobs").status == 401
    assert "grace" not in team.roles()


def test_who_was_removed_can_be_added_again(team):
    team.remove(team.people.teammate)
    assert team.add("grace@engines.example", "viewer").status == 201
    assert team.people.teammate.get("/api/user").json["role"] == "viewer"


@pytest.mark.parametrize("user_id", ["nobody", "01M7WD7TG0000000000000000Z", "%23", "a%2Fb"])
def test_who_is_no_member_is_not_found(team, user_id):
    assert team.people.owner.delete(f"{team.path}/{user_id}").status == 404
    assert team.people.owner.patch(f"{team.path}/{user_id}", {"role": "viewer"}).status == 404
    assert team.people.owner.get(f"{team.path}/{user_id}").status == 404


@pytest.mark.parametrize("act", ["remove", "change"])
def test_the_last_admin_stays_one(team, act):
    owner = team.people.owner
    reply = team.remove(owner) if act == "remove" else team.change(owner, "operator")
    assert (reply.status, reply.json["type"]) == (422, "/api/docs#last-admin")
    assert team.roles() == ALL


def test_an_admin_who_is_not_the_last_can_go(team):
    team.change(team.people.teammate, "admin")
    assert team.change(team.people.owner, "viewer", by=team.people.teammate).status == 200
    assert team.remove(team.people.owner, by=team.people.teammate).status == 204


def test_giving_an_admin_the_same_role_changes_nothing(team):
    assert team.change(team.people.owner, "admin").status == 200
    assert team.counted() == (1, 3)


def test_only_admins_change_who_is_a_member(team):
    people = team.people
    for client in (people.teammate, people.viewer):
        assert team.add(client=client).status == 403
        assert team.remove(people.owner, by=client).status == 403
    assert team.add(client=people.stranger).status == 404


def test_every_member_sees_who_is_one(team):
    assert team.people.viewer.get(team.path).status == 200
    assert team.people.stranger.get(team.path).status == 404


def test_the_audit_tells_who_changed_what(team):
    team.change(team.people.viewer, "operator")
    kept = team.ports.documents.query(f"audit#{team.tenant_id}").items[-1].body
    assert (kept["action"], kept["actor"], kept["address"]) == ("member.change", "ada@engines.example", "192.0.2.1")
    assert (kept["before"]["role"], kept["after"]["role"]) == ("viewer", "operator")


def add_item(email, role="viewer"):
    return {"action": "add", "email": email, "role": role}


def test_a_batch_does_what_it_can(team):
    reply = team.bulk(
        add_item(KNOWN),
        add_item("nobody@engines.example"),
        {"action": "change", "user_id": team.id(team.people.viewer), "role": "operator"},
        {"action": "remove", "email": "ada@engines.example"},
    )
    assert [(each["ok"], (each["error"] or {}).get("status")) for each in reply.json["items"]] == [
        (True, None),
        (False, 422),
        (True, None),
        (False, 422),
    ]
    assert team.roles() == {"ada": "admin", "edsger": "operator", "grace": "operator", "mallory": "viewer"}


def test_an_atomic_batch_is_done_whole(team):
    reply = team.bulk(add_item(KNOWN, "admin"), {"action": "remove", "email": "grace@engines.example"}, atomic=True)
    assert [each["ok"] for each in reply.json["items"]] == [True, True]
    assert team.roles() == {"ada": "admin", "edsger": "viewer", "mallory": "admin"}
    assert team.counted() == (2, 3)


def test_an_atomic_batch_with_a_fault_does_nothing(team):
    reply = team.bulk(add_item(KNOWN), add_item("nobody@engines.example"), add_item(KNOWN), atomic=True)
    assert (reply.status, [each["place"] for each in reply.json["fields"]]) == (422, ["items[1]", "items[2]"])
    assert team.roles() == ALL


def test_an_atomic_batch_may_exchange_the_last_admin(team):
    reply = team.bulk(add_item(KNOWN, "admin"), {"action": "remove", "email": "ada@engines.example"}, atomic=True)
    assert reply.status == 200
    assert team.people.owner.get("/api/user").status == 401


def test_an_atomic_batch_leaves_an_admin(team):
    reply = team.bulk(add_item(KNOWN), {"action": "remove", "email": "ada@engines.example"}, atomic=True)
    assert (reply.status, reply.json["type"]) == (422, "/api/docs#last-admin")
    assert team.roles() == ALL


@pytest.mark.parametrize("atomic", [False, True])
def test_a_batch_has_up_to_a_hundred_items(team, atomic):
    addresses = team.users(100)
    reply = team.bulk(*map(add_item, addresses), atomic=atomic)
    assert [each["ok"] for each in reply.json["items"]] == [True] * 100
    assert team.counted() == (1, 103)


@pytest.mark.parametrize("number", [0, 101])
def test_a_batch_of_another_size_is_refused(team, number):
    reply = team.bulk(*[add_item(f"n{each}@users.example") for each in range(number)])
    assert (reply.status, reply.json["fields"][0]["place"]) == (400, "items")


@pytest.mark.parametrize(
    "item",
    [
        {"action": "add", "role": "viewer"},
        {"action": "add", "email": KNOWN},
        {"action": "change", "email": KNOWN},
        {"action": "remove"},
        {"action": "remove", "email": KNOWN, "role": "viewer"},
        {"action": "promote", "email": KNOWN, "role": "viewer"},
    ],
)
def test_an_item_says_what_to_do_with_whom(team, item):
    reply = team.bulk(item)
    assert (reply.status, reply.json["fields"][0]["place"].startswith("items[0]")) == (400, True)


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_batch_that_a_crash_cut_is_finished_by_whoever_comes_next(team, writes):
    people, addresses = team.people, team.users(100)
    caller = people.caller(people.owner)
    crashing = CrashingDocuments(team.ports.documents)
    crashing.writes_left = writes
    items = [Item(action=Action.ADD, email=each, role=Role.VIEWER) for each in addresses]
    with pytest.raises(Crash):
        operations.bulk_atomic(replace(team.ports, documents=crashing), caller, team.tenant_id, items)
    assert len(team.roles(limit=100)) == 100
    assert team.counted() == (1, 103)


def attempts(act, number=50):
    """How many of so many at once succeed."""

    def attempt(index):
        try:
            act(index)
        except MillraceError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        return sum(pool.map(attempt, range(number)))


@pytest.mark.parametrize("act", ["remove", "demote"])
def test_of_two_last_admins_fifty_removals_at_once_leave_one(team, act):
    people = team.people
    team.change(people.teammate, "admin")
    admins = [people.caller(people.owner), people.caller(people.teammate)]

    def remove(index):
        by, other = admins[index % 2], admins[(index + 1) % 2]
        if act == "remove":
            operations.remove(team.ports, by, team.tenant_id, other.user_id)
        else:
            operations.change_role(team.ports, by, team.tenant_id, other.user_id, Role.VIEWER)

    attempts(remove)
    left = [store.get_member(team.ports.documents, each.user_id, team.tenant_id) for each in admins]
    assert [each.role for each in left if each].count(Role.ADMIN) == 1 == team.counted()[0]


def test_of_fifty_that_add_the_same_one_at_once_one_does(team):
    caller = team.people.caller(team.people.owner)
    done = attempts(lambda _: operations.add(team.ports, caller, team.tenant_id, email=KNOWN, role=Role.VIEWER))
    assert (done, team.counted()) == (1, (1, 4))


def test_fifty_that_are_added_at_once_are_all_counted(team):
    caller, addresses = team.people.caller(team.people.owner), team.users(50)
    done = attempts(
        lambda index: operations.add(team.ports, caller, team.tenant_id, email=addresses[index], role=Role.ADMIN)
    )
    assert (done, team.counted()) == (50, (51, 53))
