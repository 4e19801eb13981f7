"""Trees of tenants and units inside them, on both stores."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.accounts.tenants import lifecycle, moving, operations, removal, store, structuring
from chalicelib.accounts.tenants.model import WrongState
from chalicelib.accounts.tenants.operations import NewTenant
from chalicelib.accounts.tenants.tree import HierarchyCycle, TooDeep
from chalicelib.accounts.tenants.units import Level, TooManyUnits, UnitNameTaken, UnitNotEmpty, WrongLevel
from chalicelib.errors import MillraceError, NotFound, Unprocessable
from tests import make

pytestmark = pytest.mark.integration


class Platform:
    """Somebody who runs the platform, and tenants by their names."""

    def __init__(self, ports):
        self.ports = ports

    def at(self, tenant):
        return make.caller(tenant.tenant_id, platform_admin=True)

    def make(self, name, parent=None):
        parent_id = parent.tenant_id if parent else ""
        new = NewTenant(organisation=name, parent_tenant_id=parent_id)
        return operations.create(self.ports, make.caller("platform", platform_admin=True), new)

    def chain(self, *names):
        """Each below the one before."""
        made = []
        for name in names:
            made.append(self.make(name, made[-1] if made else None))
        return made

    def move(self, tenant, parent):
        return moving.move(self.ports, self.at(tenant), tenant.tenant_id, parent.tenant_id if parent else "")

    def children(self, tenant):
        return [each.organisation for each in moving.list_children(self.ports, self.at(tenant), tenant.tenant_id)]

    def delete(self, tenant, **more):
        return removal.delete(self.ports, self.at(tenant), tenant.tenant_id, **more)

    def unit(self, tenant, level, name, parent=None):
        parent_id = parent.unit_id if parent else ""
        return structuring.create(
            self.ports, self.at(tenant), tenant.tenant_id, level=Level(level), name=name, parent_id=parent_id
        )

    def units(self, tenant):
        return store.get_units(self.ports.documents, tenant.tenant_id)


@pytest.fixture
def platform(ports):
    return Platform(ports)


def test_children_are_listed_by_name(platform):
    root = platform.make("Root")
    for name in ("beta", "Alpha"):
        platform.make(name, root)
    assert platform.children(root) == ["Alpha", "beta"]


def test_a_child_of_nobody_is_not_made(platform):
    with pytest.raises(NotFound):
        operations.create(
            platform.ports,
            make.caller("platform", platform_admin=True),
            NewTenant(organisation="Child", parent_tenant_id="NOBODY"),
        )
    assert not store.name_is_taken(platform.ports.documents, "Child")


def test_five_levels_and_no_more(platform):
    *_, lowest = platform.chain("One", "Two", "Three", "Four", "Five")
    with pytest.raises(TooDeep):
        platform.make("Six", lowest)


def test_moving_takes_along_what_is_below(platform):
    root, branch, _ = platform.chain("Root", "Branch", "Leaf")
    other = platform.make("Other")
    platform.move(branch, other)
    assert (platform.children(root), platform.children(other), platform.children(branch)) == ([], ["Branch"], ["Leaf"])


def test_a_tree_moves_below_another(platform):
    root, _ = platform.chain("Root", "Leaf")
    other = platform.make("Other")
    platform.move(root, other)
    assert (platform.children(other), platform.children(root)) == (["Root"], ["Leaf"])


def test_a_branch_becomes_a_tree(platform):
    root, branch, _ = platform.chain("Root", "Branch", "Leaf")
    platform.move(branch, None)
    assert (platform.children(root), platform.children(branch)) == ([], ["Leaf"])


@pytest.mark.parametrize("below", [0, 1, 2])
def test_nothing_moves_under_itself_or_what_is_below_it(platform, below):
    chain = platform.chain("Root", "Branch", "Leaf")
    with pytest.raises(HierarchyCycle):
        platform.move(chain[0], chain[below])


def test_a_move_keeps_the_depth(platform):
    *_, low = platform.chain("One", "Two", "Three", "Four")
    branch, _ = platform.chain("Branch", "Leaf")
    with pytest.raises(TooDeep):
        platform.move(branch, low)


@pytest.mark.parametrize("verb", ["park", "suspend"])
def test_nothing_moves_under_a_tenant_that_is_not_active(platform, verb):
    asleep, tenant = platform.make("Asleep"), platform.make("Tenant")
    lifecycle.act(platform.ports, platform.at(asleep), asleep.tenant_id, verb, "Closed over the summer")
    with pytest.raises(WrongState, match="Asleep is"):
        platform.move(tenant, asleep)


def test_an_admin_moves_only_under_what_is_theirs(platform):
    mine, other = platform.make("Mine"), platform.make("Other")
    with pytest.raises(NotFound):
        moving.move(platform.ports, make.caller(mine.tenant_id), mine.tenant_id, other.tenant_id)


def test_a_tenant_with_others_below_is_deleted_only_by_force(platform):
    root, _ = platform.chain("Root", "Leaf")
    with pytest.raises(Unprocessable, match="1 organisation below it"):
        platform.delete(root)


def test_forcing_wants_the_name(platform):
    root, _ = platform.chain("Root", "Leaf")
    with pytest.raises(Unprocessable, match="confirm=Root"):
        platform.delete(root, force=True, confirm="root")


def test_all_below_goes_with_a_deleted_tenant(platform):
    root, branch, leaf = platform.chain("Root", "Branch", "Leaf")
    platform.delete(branch, force=True, confirm="Branch")
    states = [store.get_tenant(platform.ports.documents, each.tenant_id).status for each in (root, branch, leaf)]
    assert states == ["active", "deprovisioned", "deprovisioned"]
    assert platform.children(root) == []


def test_nothing_is_made_below_what_is_deleted(platform):
    root = platform.make("Root")
    platform.delete(root)
    with pytest.raises(WrongState):
        platform.make("Late", root)


def at_once(*tasks):
    """What each did or how it was refused."""

    def run(task):
        try:
            return task()
        except MillraceError as error:
            return error

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_two_moves_at_once_make_no_cycle(platform):
    for turn in range(10):
        one, other = platform.make(f"One {turn}"), platform.make(f"Other {turn}")
        at_once(lambda one=one, other=other: platform.move(one, other), lambda o=one, t=other: platform.move(t, o))
        placed = [store.get_tenant(platform.ports.documents, each.tenant_id).parent_tenant_id for each in (one, other)]
        assert sorted(map(bool, placed)) == [False, True]


def test_no_child_is_left_without_a_parent_whatever_happens_at_once(platform):
    for turn in range(5):
        root = platform.make(f"Root {turn}")
        branch = platform.make(f"Branch {turn}", root)
        at_once(
            lambda branch=branch: platform.delete(branch, force=True, confirm=branch.organisation),
            lambda branch=branch, turn=turn: platform.make(f"Child {turn}", branch),
            lambda branch=branch, turn=turn: platform.move(platform.make(f"Moved {turn}"), branch),
        )
        assert orphans(platform) == []


def orphans(platform):
    """Living tenants below one that is not, or that their tree does not know."""
    documents = platform.ports.documents
    page = operations.list_all(
        platform.ports, make.caller("platform", platform_admin=True), operations.TenantFilters(), limit=100
    )
    alive = {each.tenant_id: each for each in page.items if each.status != "deprovisioned"}
    return [
        each.organisation
        for each in alive.values()
        if each.parent_tenant_id
        and (
            each.parent_tenant_id not in alive
            or each.tenant_id not in moving.tree_of(platform.ports, each.parent_tenant_id)
            or documents.get(store.tree_key(each.tenant_id))
        )
    ]


def test_many_moves_at_once_leave_trees(platform):
    tenants = [platform.make(f"Tenant {number}") for number in range(6)]
    chance = random.Random(7)
    moves = [chance.sample(tenants, 2) for _ in range(24)]
    at_once(*[lambda a=a, b=b: platform.move(a, b) for a, b in moves])
    assert orphans(platform) == []
    levels = [moving.tree_of(platform.ports, each.tenant_id).level(each.tenant_id) for each in tenants]
    assert max(levels) <= 5


def test_units_are_divisions_groups_and_teams(platform):
    tenant = platform.make("Tenant")
    division = platform.unit(tenant, "division", "Europe")
    group = platform.unit(tenant, "group", "Sales", division)
    platform.unit(tenant, "team", "North", group)
    assert [each.name for each in platform.units(tenant).children(group.unit_id)] == ["North"]


@pytest.mark.parametrize("level", ["group", "team"])
def test_a_unit_wants_a_parent_of_the_right_level(platform, level):
    tenant = platform.make("Tenant")
    wrong = None if level == "group" else platform.unit(tenant, "division", "Europe")
    with pytest.raises(WrongLevel):
        platform.unit(tenant, level, "Lost", wrong)


def test_a_division_is_at_the_top(platform):
    tenant = platform.make("Tenant")
    with pytest.raises(WrongLevel):
        platform.unit(tenant, "division", "Below", platform.unit(tenant, "division", "Europe"))


def test_a_name_is_given_once_beside_its_like(platform):
    tenant = platform.make("Tenant")
    one, other = platform.unit(tenant, "division", "Europe"), platform.unit(tenant, "division", "Asia")
    platform.unit(tenant, "group", "Sales", one)
    platform.unit(tenant, "group", "Sales", other)
    with pytest.raises(UnitNameTaken):
        platform.unit(tenant, "group", " SALES ", one)


def test_a_hundred_of_a_level_and_no_more(platform):
    tenant = platform.make("Tenant")
    for number in range(100):
        platform.unit(tenant, "division", f"Division {number}")
    with pytest.raises(TooManyUnits):
        platform.unit(tenant, "division", "One more")


def change(platform, tenant, unit, **changes):
    return structuring.update(platform.ports, platform.at(tenant), tenant.tenant_id, unit.unit_id, **changes)


def test_a_unit_is_renamed_and_moved_with_what_is_inside(platform):
    tenant = platform.make("Tenant")
    one, other = platform.unit(tenant, "division", "Europe"), platform.unit(tenant, "division", "Asia")
    group = platform.unit(tenant, "group", "Sales", one)
    team = platform.unit(tenant, "team", "North", group)
    moved = change(platform, tenant, group, name="Trade", parent_id=other.unit_id)
    assert (moved.name, moved.parent_id) == ("Trade", other.unit_id)
    assert platform.units(tenant).find(team.unit_id).parent_id == group.unit_id


def test_a_group_does_not_move_into_a_group(platform):
    tenant = platform.make("Tenant")
    division = platform.unit(tenant, "division", "Europe")
    one, other = platform.unit(tenant, "group", "One", division), platform.unit(tenant, "group", "Other", division)
    with pytest.raises(WrongLevel):
        change(platform, tenant, one, parent_id=other.unit_id)


def delete_unit(platform, tenant, unit, **more):
    structuring.delete(platform.ports, platform.at(tenant), tenant.tenant_id, unit.unit_id, **more)


def test_only_an_empty_unit_is_deleted(platform):
    tenant = platform.make("Tenant")
    division = platform.unit(tenant, "division", "Europe")
    platform.unit(tenant, "group", "Sales", division)
    with pytest.raises(UnitNotEmpty, match="1 group"):
        delete_unit(platform, tenant, division)


def test_a_unit_cascades_when_its_name_confirms_it(platform):
    tenant = platform.make("Tenant")
    division = platform.unit(tenant, "division", "Europe")
    platform.unit(tenant, "group", "Sales", division)
    with pytest.raises(UnitNotEmpty, match="confirm=Europe"):
        delete_unit(platform, tenant, division, cascade=True, confirm="europe")
    delete_unit(platform, tenant, division, cascade=True, confirm="Europe")
    assert platform.units(tenant).units == {}


def test_a_group_and_the_end_of_its_division_at_once_leave_no_orphan(platform):
    tenant = platform.make("Tenant")
    for turn in range(10):
        division = platform.unit(tenant, "division", f"Division {turn}")
        at_once(
            lambda division=division: delete_unit(platform, tenant, division),
            lambda division=division: platform.unit(tenant, "group", "Sales", division),
        )
        units = platform.units(tenant).units
        assert all(each.parent_id in units for each in units.values() if each.parent_id)


def test_names_are_given_once_at_once_too(platform):
    tenant = platform.make("Tenant")
    made = at_once(*[lambda: platform.unit(tenant, "division", "Europe")] * 8)
    assert sum(not isinstance(each, MillraceError) for each in made) == 1


def place(platform, tenant, unit):
    return moving.place(platform.ports, platform.at(tenant), tenant.tenant_id, unit.unit_id if unit else "")


def test_a_tenant_is_placed_in_a_unit_of_its_parent(platform):
    root, child = platform.chain("Root", "Child")
    team = platform.unit(root, "division", "Europe")
    assert place(platform, child, team).unit_id == team.unit_id
    assert platform.units(root).placed_in(team.unit_id) == [child.tenant_id]


def test_a_tenant_is_not_placed_in_a_stranger_s_unit(platform):
    root, child = platform.chain("Root", "Child")
    with pytest.raises(NotFound):
        place(platform, child, platform.unit(child, "division", "Its own"))
    with pytest.raises(Unprocessable):
        place(platform, root, None)


def test_a_unit_with_a_tenant_is_not_empty(platform):
    root, child = platform.chain("Root", "Child")
    division = platform.unit(root, "division", "Europe")
    place(platform, child, division)
    with pytest.raises(UnitNotEmpty, match="1 organisation"):
        delete_unit(platform, root, division)


@pytest.mark.parametrize("how", ["cascade", "move", "delete"])
def test_a_place_goes_with_its_unit_or_its_tenant(platform, how):
    root, child = platform.chain("Root", "Child")
    division = platform.unit(root, "division", "Europe")
    place(platform, child, division)
    if how == "cascade":
        delete_unit(platform, root, division, cascade=True, confirm="Europe")
    elif how == "move":
        platform.move(child, None)
    else:
        platform.delete(child)
    assert platform.units(root).placed == {}
    assert store.get_tenant(platform.ports.documents, child.tenant_id).unit_id == ""
