"""The money of a generation job: what is promised, and how one attempt at a shard keeps the promise.

`cap == spent + reserved + free` at every instant, and `free` never falls below 0: money is reserved by a conditional
write before the call it is for. So that 64 workers do not write one document at each call, an attempt reserves a lot
for some calls ahead, sized so that a small cap is still shared by all. What an attempt that died had reserved and not
accounted for stays reserved, and is called lost: its answers may have been paid for.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import stamina

from chalicelib.documents import (
    Condition,
    ConditionFailed,
    Documents,
    FieldAtLeast,
    FieldIs,
    Json,
    Key,
    Put,
    Update,
    Write,
)
from chalicelib.errors import Conflict, Unavailable
from chalicelib.generation import store
from chalicelib.generation.store import Shard

BUDGET_EXCEEDED = "budget_exceeded"
_PATIENCE = 60.0


class BudgetExceeded(Conflict):
    """The money that is left does not cover the next call's worst case; or `why` else there is none."""

    type = "budget-exceeded"
    title = "The budget is used up"

    def __init__(self, why: str = "") -> None:
        super().__init__(f"{BUDGET_EXCEEDED}: {why}" if why else BUDGET_EXCEEDED)


class Superseded(Conflict):
    """Another attempt has taken the shard over; what this one still does counts for nothing."""

    def __init__(self) -> None:
        super().__init__("Another attempt has taken over.")


@dataclass(frozen=True, slots=True)
class Place:
    """An attempt at a shard. What it writes is refused once another attempt has taken over."""

    job_id: str
    shard: int
    attempt: int

    @property
    def run_key(self) -> Key:
        return store.run_key(self.job_id)

    @property
    def shard_key(self) -> Key:
        return store.shard_key(self.job_id, self.shard)

    @property
    def fence(self) -> Condition:
        return FieldIs("attempt", self.attempt)

    def grant(self, lot: int) -> list[Write]:
        return [
            Update(self.run_key, add={"reserved": lot, "free": -lot}, conditions=[FieldAtLeast("free", lot)]),
            Update(self.shard_key, add={"lot": lot}, conditions=[self.fence]),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens together: `cost` is accounted for, counters of the run grow, the shard moves, and `writes`.

    `line` is among the writes; it is new, so that a change whose answer was lost is not made twice.
    """

    cost: int
    line: Put
    run: Mapping[str, int] = field(default_factory=dict)
    run_set: Json = field(default_factory=dict)
    shard: Json = field(default_factory=dict)
    writes: Sequence[Write] = ()


class Purse:
    """What one attempt may spend. Safe for the attempt's threads; `ahead` is for how many calls it reserves at once."""

    def __init__(self, documents: Documents, place: Place, *, ahead: int) -> None:
        self._documents = documents
        self._place = place
        self._ahead = ahead
        self._lot = 0
        self._held = 0
        self._spent = 0
        self._lost = 0
        self._wanted = 0
        self._empty = False
        self._short = False
        self._changed = threading.Condition()
        self._waiting: list[object] = []

    def hold(self, worst: int) -> "Hold":
        """Set `worst` aside for a record, in the order of asking. Waits while others may give something back."""
        mine = object()
        with self._changed:
            self._waiting.append(mine)
            try:
                while not self._empty and not (self._waiting[0] is mine and self._take(worst)):
                    # Nobody who asked later is served first: records are to be made in their order.
                    self._empty = self._waiting[0] is mine and not self._held
                    self._changed.wait(0 if self._empty else 1)
            finally:
                self._waiting.remove(mine)
                self._changed.notify_all()
            if self._empty:
                raise BudgetExceeded
        return Hold(self, worst)

    def commit(self, change: Change, *, keep: bool = True) -> None:
        """Move its cost from reserved to spent in one transaction with all it brings; return what is not needed soon.

        Raises Superseded.
        """
        with self._changed:
            spare = self._lot - self._held - self._spent - self._lost
            surplus = max(0, spare - (2 * self._wanted if keep else 0))
            lost, cost = self._lost, change.cost
            self._lot -= cost + surplus + lost
            self._spent -= cost
            self._lost = 0
        # Taken off before it is written, so that calls go on meanwhile and none of them is made with it.
        run = {"spent": cost, "reserved": -cost - surplus, "free": surplus, "lost": lost}
        shard = {"lot": -cost - surplus - lost, "lost": lost}
        _apply(self._documents, self._place, change, run=run, shard=shard)

    @property
    def owing(self) -> int:
        """What calls have cost that is not accounted for yet."""
        with self._changed:
            return self._spent

    @property
    def is_short(self) -> bool:
        """Somebody waits for what others may give back."""
        with self._changed:
            return bool(self._waiting) and self._short

    def take(self, worst: int) -> bool:
        with self._changed:
            return self._take(worst)

    def settle(self, *, held: int, spent: int = 0, lost: int = 0) -> None:
        with self._changed:
            self._held -= held
            self._spent += spent
            self._lost += lost
            self._changed.notify_all()

    def _take(self, worst: int) -> bool:
        missing = worst - (self._lot - self._held - self._spent - self._lost)
        self._short = missing > 0 and not self._grow(missing, worst * self._ahead)
        if self._short:
            return False
        self._held += worst
        return True

    def _grow(self, missing: int, wanted: int) -> bool:
        """Reserve at least `missing` more; False when there is not so much left."""
        self._wanted = wanted
        while True:
            run = store.load_run(self._documents, self._place.job_id)
            if run.free < missing:
                return False
            lot = max(missing, min(wanted, run.free // (2 * run.parallel)))
            try:
                self._documents.transact(self._place.grant(lot))
            except ConditionFailed as failure:
                if self._place.shard_key in failure.keys:
                    raise Superseded from None
                continue
            self._lot += lot
            return True


class Hold:
    """Money set aside for one record; as a context, what is left of it is given back."""

    def __init__(self, purse: Purse, amount: int) -> None:
        self._purse = purse
        self._rest = amount

    def ensure(self, worst: int) -> None:
        """At least so much is left for the next call. Raises BudgetExceeded."""
        missing = worst - self._rest
        if missing > 0:
            if not self._purse.take(missing):
                raise BudgetExceeded
            self._rest += missing

    def spend(self, cost: int) -> None:
        """A call cost so much; never more than `ensure` was asked for."""
        self._purse.settle(held=cost, spent=cost)
        self._rest -= cost

    def lose(self, worst: int) -> None:
        """No answer came: what it may have cost stays reserved for good."""
        self._purse.settle(held=worst, lost=worst)
        self._rest -= worst

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._purse.settle(held=self._rest)
        self._rest = 0


def claim(documents: Documents, place: Place) -> Shard:
    """Make the shard this attempt's. What the one before left reserved is lost. Raises Superseded."""
    while True:
        shard = store.load_shard(documents, place.job_id, place.shard)
        if shard.attempt >= place.attempt:
            raise Superseded
        same = [FieldIs("attempt", shard.attempt), FieldIs("lot", shard.lot)]
        taken = {"attempt": place.attempt, "lot": 0, **store.GOES_ON}
        try:
            documents.transact(
                [
                    Update(place.shard_key, set=taken, add={"lost": shard.lot}, conditions=same),
                    Update(place.run_key, add={"lost": shard.lot}),
                ]
            )
        except ConditionFailed:
            continue
        return replace(shard, attempt=place.attempt, lot=0, lost=shard.lost + shard.lot)


def adopt(documents: Documents, place: Place, change: Change) -> None:
    """Account for records that an earlier attempt left: their cost was among what is lost. Raises Superseded."""
    cost = change.cost
    run = {"lost": -cost, "reserved": -cost, "spent": cost}
    _apply(documents, place, change, run=run, shard={"lost": -cost})


def _apply(
    documents: Documents, place: Place, change: Change, *, run: Mapping[str, int], shard: Mapping[str, int]
) -> None:
    writes = [
        Update(place.run_key, set=change.run_set, add={**run, **change.run}),
        Update(place.shard_key, set=change.shard, add=shard, conditions=[place.fence]),
        change.line,
        *change.writes,
    ]
    for attempt in stamina.retry_context(on=(Unavailable, ConditionFailed), attempts=None, timeout=_PATIENCE):
        with attempt:
            try:
                documents.transact(writes)
            except ConditionFailed as failure:
                if change.line.key in failure.keys:
                    return
                if place.shard_key in failure.keys:
                    raise Superseded from None
                raise
