"""The action `generate`: makes the records of one shard, in batches that are there, or not, as a whole."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from chalicelib.errors import Unprocessable
from chalicelib.generation import budget, parts, plans, seeding, store
from chalicelib.generation.batching import Batches
from chalicelib.generation.breaker import breakers
from chalicelib.generation.budget import BudgetExceeded, Place, Purse
from chalicelib.generation.calls import Caller
from chalicelib.generation.crew import Broken, Crew
from chalicelib.generation.parts import Batch
from chalicelib.generation.records import Begun, Made, Maker
from chalicelib.generation.store import Entry, Part, Run
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.actions import HandedBack, Stopped, Task
from chalicelib.jobs.decide import PAUSED
from chalicelib.limits import budget as monthly
from chalicelib.limits import storage
from chalicelib.limits.budget import BudgetReached
from chalicelib.limits.storage import Meter, StorageFull

GENERATE = "generate"
BATCH, MOST_IN_BATCH = 50, 500
"""Records after which a batch is committed; more, where more are ready by then."""
BATCH_SECONDS = 5.0
DRAIN_SECONDS = 20.0
"""What is asked already is waited for so long when the shard has to stop."""
LOOK_SECONDS = 1.0
RENDERED_AT_ONCE = 32
WINDOW, LEAD = 4, 1000
"""Records given out per call at a time, and how far one may be ahead of another."""
_TICK = 0.1
JITTER = timedelta(seconds=1.5)
"""A time that moves by less is told no second time."""
FEWEST_FAILED, FAILED_SHARE = 10, 0.2
LIMITS = (BudgetExceeded, StorageFull)
"""What ends a shard once the records that are being made are done."""


class TooManyFailed(Unprocessable):
    type = "too-many-failed"
    title = "Too many records failed"


def generate(task: Task) -> None:
    """Raises BudgetExceeded, StorageFull, TooManyFailed, Stopped, or HandedBack when the job is paused."""
    shard = _Shard(task)
    try:
        shard.run()
    finally:
        shard.close()


class _Shard:
    def __init__(self, task: Task) -> None:
        self._task = task
        ports = task.ports
        number = int(str(task.order.spec.settings["shard"]))
        self._place = Place(task.job.job_id, number, task.order.attempt)
        self._plan = plans.load(ports, task.job.tenant_id, task.job.job_id)
        self._first, self._end = self._plan.bounds(number)
        self._state = budget.claim(ports.documents, self._place)
        at_once = ports.settings.model_concurrency
        self._purse = Purse(ports.documents, self._place, ahead=2 * at_once)
        caller = Caller(
            ports.llm,
            ports.prices,
            breakers(),
            patience=ports.settings.model_patience,
            stopped=lambda: self._why is not None and not isinstance(self._why, LIMITS),
        )
        self._maker = Maker(
            self._plan,
            renderer=ports.renderer,
            caller=caller,
            purse=self._purse,
            llm=ports.llm,
            prices=ports.prices,
        )
        self._crew: Crew[Begun, Made] = Crew(self._maker.make, at_once)
        self._meter = Meter()
        self._batches = Batches(ports, task.job.tenant_id, self._place, self._plan, self._meter)
        self._why: BaseException | None = None
        self._looked = self._committed = time.monotonic()
        self._given_up: list[Entry] = []
        self._spare: list[Made] = []
        self._drain_by: float | None = None
        self._told: tuple[str, datetime | None] = ("", None)
        self._last = 0

    def close(self) -> None:
        self._crew.dismiss()

    def run(self) -> None:
        self._adopt_left_parts()
        self._look_at_limits()
        self._task.say(f"Records {self._state.next + 1:,} to {self._end:,} are to be made.")
        self._make_missing()
        if self._why is None:
            self._make_failed_again()
        self._account_for_the_rest()
        if self._why is not None and not (isinstance(self._why, LIMITS) and self._is_done()):
            raise self._why

    def _is_done(self) -> bool:
        """A limit that was reached with the last record stops nothing."""
        documents, job_id = self._task.ports.documents, self._place.job_id
        shard = store.load_shard(documents, job_id, self._place.shard)
        return shard.next == self._end and shard.round == store.load_run(documents, job_id).round

    def _adopt_left_parts(self) -> None:
        """What an attempt before this one wrote, and died before it could say so."""
        while left := self._batches.left_at(self._state.next):
            self._batches.adopt(left)
            self._move_to(left.end)
            self._task.say(f"Records {left.first + 1:,} to {left.end:,} were there already.")

    def _move_to(self, number: int) -> None:
        self._state = store.load_shard(self._task.ports.documents, self._place.job_id, self._place.shard)
        assert self._state.next == number  # noqa: S101 - the fence holds

    def _make_missing(self) -> None:
        first = self._state.next
        ready = {number: made for number, made in self._batches.put_aside(self._state.spare).items() if number >= first}
        for made in self._made([each for each in range(first, self._end) if each not in ready]):
            ready[made.number] = made
            if self._crew.has_more and len(ready) < MOST_IN_BATCH:
                continue
            while batch := self._due(first, ready):
                self._commit(batch)
                first = batch.end
        while batch := self._batch(first, ready):
            self._commit(batch)
            first = batch.end
        self._spare = list(ready.values())

    def _due(self, first: int, ready: dict[int, Made]) -> Batch | None:
        """The next records in a row, when there are enough of them or enough time has passed."""
        late = time.monotonic() - self._committed >= BATCH_SECONDS
        wanted = min(BATCH, self._end - first)
        if first not in ready or not (late or first + wanted - 1 in ready):
            return None
        if not late and any(number not in ready for number in range(first, first + wanted)):
            return None
        return self._batch(first, ready)

    def _batch(self, first: int, ready: dict[int, Made]) -> Batch | None:
        made: list[Made] = []
        while len(made) < MOST_IN_BATCH and first + len(made) in ready:
            made.append(ready.pop(first + len(made)))
        return self._batches.of(made) if made else None

    def _commit(self, batch: Batch) -> None:
        self._batches.commit(batch, self._purse)
        self._committed = time.monotonic()
        self._judge()

    def _judge(self) -> None:
        run = store.load_run(self._task.ports.documents, self._place.job_id)
        if failed_too_often(run) and self._why is None:
            tried = run.done + run.failed
            self._why = TooManyFailed(f"{run.failed:,} of {tried:,} records failed; look at their errors.")
        self._look_at_limits()

    def _look_at_limits(self) -> None:
        """What any job of the tenant spends or keeps may end them all."""
        ports, tenant_id = self._task.ports, self._task.job.tenant_id
        self._meter.write(ports)
        try:
            monthly.check(ports, tenant_id, owing=self._purse.owing)
            storage.check(ports, tenant_id)
        except BudgetReached as reached:
            self._why = self._why or BudgetExceeded(reached.detail)
        except StorageFull as full:
            self._why = self._why or full

    def _make_failed_again(self) -> None:
        """Only those that failed, part by part, each of which is then replaced."""
        wanted = store.load_run(self._task.ports.documents, self._place.job_id).round
        if wanted == self._state.round:
            return
        for part in list(store.parts(self._task.ports.documents, self._place.job_id, first=self._first, end=self._end)):
            if part.failed and part.round < wanted:
                self._mend(part, wanted)
            if self._why is not None:
                return
        self._batches.finish_round(self._purse, wanted)

    def _mend(self, part: Part, round_: int) -> None:
        if left := self._batches.left_mended(part, round_):
            self._batches.adopt(left, mends=part, round_=round_)
            return
        batch = parts.decode(self._task.ports.objects.get(part.object))
        failed = [each.number for each in batch.records if each.error]
        made = {each.number: each for each in self._made(failed)}
        if len(made) < len(failed):
            self._given_up += [entry for each in made.values() for entry in each.entries]
            return
        self._batches.commit(self._batches.mended(batch, made), self._purse, mends=part, round_=round_)
        self._judge()

    def _begun(self, numbers: list[int]) -> Iterator[Begun]:
        seeds = seeding.seeds(self._task.ports.objects, self._task.job.tenant_id, self._plan, numbers)
        while some := list(islice(seeds, RENDERED_AT_ONCE)):
            yield from self._maker.begin(some)

    def _made(self, numbers: list[int]) -> Iterator[Made]:
        """Records as they get ready, in any order; fewer once there is a reason to stop."""
        ahead = self._begun(numbers)
        outstanding: set[int] = set()
        while True:
            self._feed(ahead, outstanding)
            if not outstanding:
                return
            done = self._crew.take(_TICK)
            self._look_around()
            if self._why is not None and self._drained(outstanding):
                return
            if isinstance(done, Broken):
                # Its number is not known, and no longer of interest: all else is stopped for it.
                self._why = done.why
                return
            if done is not None:
                outstanding.discard(done.number)
                if done.record is not None:
                    yield done
                else:
                    self._why = self._why or done.why
                    self._given_up += done.entries

    def _feed(self, ahead: Iterator[Begun], outstanding: set[int]) -> None:
        """Keep all busy, but let nobody get far ahead of a slow record: what is made waits for it in memory."""
        window = max(4 * BATCH, WINDOW * self._task.ports.settings.model_concurrency)
        while (
            self._why is None and len(outstanding) < window and self._last - min(outstanding, default=self._last) < LEAD
        ):
            begun = next(ahead, None)
            if begun is None:
                return
            self._crew.give(begun)
            self._last = begun.seed.number
            outstanding.add(self._last)

    def _drained(self, outstanding: set[int]) -> bool:
        """Take back what nobody has begun; True when the rest has been waited for long enough."""
        outstanding.difference_update(begun.seed.number for begun in self._crew.take_back())
        self._drain_by = self._drain_by or time.monotonic() + DRAIN_SECONDS
        return time.monotonic() > self._drain_by

    def _look_around(self) -> None:
        if self._why is not None:
            return
        if self._task.stopped():
            self._why = Stopped()
        elif time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if jobs.is_paused(self._task.ports, self._place.job_id):
                self._why = HandedBack(PAUSED)
            self._look_at_limits()
            self._tell_why_it_waits()

    def _tell_why_it_waits(self) -> None:
        waits_for, rest = self._wait()
        until = self._task.ports.clock.now() + timedelta(seconds=rest) if rest else None
        before, until_before = self._told
        moved = until is not None and until_before is not None and abs(until - until_before) > JITTER
        if waits_for != before or moved:
            self._told = (waits_for, until)
            self._batches.tell(waits_for, until)

    def _wait(self) -> tuple[str, float]:
        """What this attempt waits for, if for anything, and for how many seconds if that is known."""
        for model in dict.fromkeys(step.model for step in self._plan.steps):
            breaker = breakers().of(model)
            if breaker.is_open or breaker.rest:
                return f"the model {model} does not answer or is busy", breaker.rest
        if self._purse.is_short:
            return "what is left of the budget is reserved for calls under way", 0.0
        return "", 0.0

    def _account_for_the_rest(self) -> None:
        """What was paid for records that were given up half-way, and what was reserved and is not needed."""
        self._batches.give_up(self._given_up, self._spare, self._purse)
        self._meter.write(self._task.ports)


def failed_too_often(run: Run) -> bool:
    return run.failed >= FEWEST_FAILED and run.failed > FAILED_SHARE * (run.done + run.failed)
