"""Divisions, groups and teams inside a tenant, as one value: what is written is checked on the whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chalicelib.errors import Conflict, NotFound, Unprocessable

MOST_PER_LEVEL = 100
MOST_PLACED = 1000


class Level(StrEnum):
    DIVISION = "division"
    GROUP = "group"
    TEAM = "team"


ABOVE: Mapping[Level, Level | None] = {Level.DIVISION: None, Level.GROUP: Level.DIVISION, Level.TEAM: Level.GROUP}


class UnitNameTaken(Conflict):
    type = "unit-name-taken"
    title = "There is a unit with this name beside it"


class UnitNotEmpty(Unprocessable):
    type = "unit-not-empty"
    title = "There is something in the unit"


class TooManyUnits(Unprocessable):
    type = "too-many-units"
    title = "There are too many units of this level"


class WrongLevel(Unprocessable):
    type = "wrong-level"
    title = "A unit of this level cannot be there"


@dataclass(frozen=True, slots=True)
class Unit:
    """`parent_id` is empty for a division."""

    unit_id: str
    level: Level
    name: str
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class Units:
    """All units of a tenant, and which other tenants are placed where. `version` is their document's; 0 for none."""

    units: Mapping[str, Unit] = field(default_factory=dict)
    placed: Mapping[str, str] = field(default_factory=dict)
    version: int = 0

    def find(self, unit_id: str) -> Unit:
        """Raises NotFound."""
        if unit_id not in self.units:
            raise NotFound(f"There is no unit {unit_id}.")
        return self.units[unit_id]

    def children(self, unit_id: str) -> list[Unit]:
        """Units right below one, by name; of the empty id, the divisions."""
        found = [unit for unit in self.units.values() if unit.parent_id == unit_id]
        return sorted(found, key=lambda unit: unit.name.casefold())

    def placed_in(self, unit_id: str) -> list[str]:
        return sorted(tenant_id for tenant_id, place in self.placed.items() if place == unit_id)

    def inside(self, unit_id: str) -> list[str]:
        """The unit and all below it."""
        found = [unit_id]
        for each in found:
            found += [unit.unit_id for unit in self.children(each)]
        return found

    def added(self, unit: Unit) -> "Units":
        """Raises NotFound (its parent), WrongLevel, UnitNameTaken, TooManyUnits."""
        if sum(each.level is unit.level for each in self.units.values()) >= MOST_PER_LEVEL:
            raise TooManyUnits(f"There are {MOST_PER_LEVEL} {unit.level}s already, and no more are allowed.")
        return self._put(unit)

    def changed(self, unit_id: str, *, name: str | None = None, parent_id: str | None = None) -> "Units":
        """None leaves what it is."""
        unit = self.find(unit_id)
        return self._put(
            replace(
                unit,
                name=unit.name if name is None else name,
                parent_id=unit.parent_id if parent_id is None else parent_id,
            )
        )

    def without(self, unit_id: str, *, cascade: bool) -> "Units":
        """Tenants that were placed inside are placed nowhere then. Raises UnitNotEmpty unless it cascades."""
        self.find(unit_id)
        gone = set(self.inside(unit_id))
        homeless = [tenant_id for tenant_id, place in self.placed.items() if place in gone]
        if not cascade and (len(gone) > 1 or homeless):
            raise UnitNotEmpty(self._inventory(unit_id, len(homeless)))
        return Units(
            {each: unit for each, unit in self.units.items() if each not in gone},
            {tenant_id: place for tenant_id, place in self.placed.items() if place not in gone},
            self.version,
        )

    def with_tenant(self, tenant_id: str, unit_id: str) -> "Units":
        self.find(unit_id)
        placed = {**self.placed, tenant_id: unit_id}
        if len(placed) > MOST_PLACED:
            raise TooManyUnits(f"At most {MOST_PLACED:,} organisations can be placed in units.")
        return replace(self, placed=placed)

    def without_tenant(self, tenant_id: str) -> "Units":
        return replace(self, placed={each: place for each, place in self.placed.items() if each != tenant_id})

    def _put(self, unit: Unit) -> "Units":
        self._check_parent(unit)
        others = [each for each in self.children(unit.parent_id) if each.unit_id != unit.unit_id]
        if any(_same(each.name, unit.name) for each in others):
            raise UnitNameTaken(f"There is a {unit.level} called {unit.name} there already.")
        return replace(self, units={**self.units, unit.unit_id: unit})

    def _check_parent(self, unit: Unit) -> None:
        wanted = ABOVE[unit.level]
        if wanted is None and unit.parent_id:
            raise WrongLevel("A division is at the top; it has no parent.")
        if wanted is not None and not unit.parent_id:
            raise WrongLevel(f"A {unit.level} belongs to a {wanted}; name one.")
        if wanted is not None and self.find(unit.parent_id).level is not wanted:
            raise WrongLevel(f"A {unit.level} belongs to a {wanted}, not to a {self.find(unit.parent_id).level}.")

    def _inventory(self, unit_id: str, tenants: int) -> str:
        below = [self.units[each] for each in self.inside(unit_id)[1:]]
        counts = [(sum(unit.level is level for unit in below), str(level)) for level in Level]
        counts.append((tenants, "organisation"))
        told = ", ".join(f"{number} {name}{'s' if number > 1 else ''}" for number, name in counts if number)
        return f"It holds {told}. Empty it first, or send cascade=true and confirm=<its name>."


def _same(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())
