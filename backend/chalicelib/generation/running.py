"""The action `generate`: makes the records of one shard, in batches that are there, or not, as a whole."""

import time
from collections.abc import Iterator
from functools import cache

from chalicelib.errors import Unprocessable
from chalicelib.generation import budget, parts, plans, seeding, store
from chalicelib.generation.batching import Batches
from chalicelib.generation.breaker import Breakers
from chalicelib.generation.budget import BudgetExceeded, Place, Purse
from chalicelib.generation.calls import Caller
from chalicelib.generation.crew import Broken, Crew
from chalicelib.generation.parts import Batch
from chalicelib.generation.records import Made, Maker, Seed
from chalicelib.generation.store import Entry, Part, Run
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.actions import HandedBack, Stopped, Task
from chalicelib.jobs.decide import PAUSED

GENERATE = "generate"
BATCH = 50
BATCH_SECONDS = 5.0
DRAIN_SECONDS = 20.0
"""What is asked already is waited for so long when the shard has to stop."""
LOOK_SECONDS = 1.0
_TICK = 0.1
FEWEST_FAILED, FAILED_SHARE = 10, 0.2


class TooManyFailed(Unprocessable):
    type = "too-many-failed"
    title = "Too many records failed"


@cache
def breakers() -> Breakers:
    return Breakers()


def generate(task: Task) -> None:
    """Raises BudgetExceeded, TooManyFailed, Stopped, or HandedBack when the job is paused."""
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
            stopped=lambda: self._why is not None and not isinstance(self._why, BudgetExceeded),
        )
        maker = Maker(
            self._plan,
            renderer=ports.renderer,
            caller=caller,
            purse=self._purse,
            llm=ports.llm,
            prices=ports.prices,
        )
        self._crew: Crew[Seed, Made] = Crew(maker.make, at_once)
        self._batches = Batches(ports, task.job.tenant_id, self._place, self._plan)
        self._why: Exception | None = None
        self._looked = self._committed = time.monotonic()
        self._given_up: list[Entry] = []
        self._spare: list[Made] = []

    def close(self) -> None:
        self._crew.dismiss()

    def run(self) -> None:
        self._adopt_left_parts()
        self._task.say(f"Records {self._state.next + 1:,} to {self._end:,} are to be made.")
        self._make_missing()
        if self._why is None:
            self._make_failed_again()
        self._account_for_the_rest()
        if self._why is not None:
            raise self._why

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
        for made in self._made(self._seeds([each for each in range(first, self._end) if each not in ready])):
            ready[made.number] = made
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
        while len(made) < BATCH and first + len(made) in ready:
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
        made = {each.number: each for each in self._made(self._seeds(failed))}
        if len(made) < len(failed):
            self._given_up += [entry for each in made.values() for entry in each.entries]
            return
        self._batches.commit(self._batches.mended(batch, made), self._purse, mends=part, round_=round_)
        self._judge()

    def _seeds(self, numbers: list[int]) -> Iterator[Seed]:
        return seeding.seeds(self._task.ports.objects, self._task.job.tenant_id, self._plan, numbers)

    def _made(self, seeds: Iterator[Seed]) -> Iterator[Made]:
        """Records as they get ready, in any order; fewer once there is a reason to stop."""
        window = 4 * BATCH + 2 * self._task.ports.settings.model_concurrency
        drained_by: float | None = None
        asked = 0
        while True:
            while self._why is None and asked < window and (seed := next(seeds, None)):
                self._crew.give(seed)
                asked += 1
            if not asked:
                return
            done = self._crew.take(_TICK)
            self._look_around()
            if self._why is not None:
                asked -= self._crew.take_back()
                drained_by = drained_by or time.monotonic() + DRAIN_SECONDS
                if time.monotonic() > drained_by:
                    return
            if done is None:
                continue
            asked -= 1
            if (made := self._sorted_out(done)) is not None:
                yield made

    def _sorted_out(self, done: Made | Broken) -> Made | None:
        """A record that was made; the reason of one that was not is kept."""
        if isinstance(done, Broken):
            self._why = self._why or done.why
            return None
        if done.record is None:
            self._why = self._why or done.why
            self._given_up += done.entries
            return None
        return done

    def _look_around(self) -> None:
        if self._why is not None:
            return
        if self._task.stopped():
            self._why = Stopped()
        elif time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            if jobs.is_paused(self._task.ports, self._place.job_id):
                self._why = HandedBack(PAUSED)

    def _account_for_the_rest(self) -> None:
        """What was paid for records that were given up half-way, and what was reserved and is not needed."""
        self._batches.give_up(self._given_up, self._spare, self._purse)


def failed_too_often(run: Run) -> bool:
    return run.failed >= FEWEST_FAILED and run.failed > FAILED_SHARE * (run.done + run.failed)
