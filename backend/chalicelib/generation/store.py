"""Where the state of generation jobs lives. Only this feature imports it.

It lies in the job's own partition `job#<id>`, so that it goes when the job goes: `gen#run` (money and progress),
`gen#shard#0001`, `gen#step#<id>` (costs), `gen#part#00000000` (records that are there), `gen#line#...` (the ledger),
`gen#export#...` (later exports) and `gen#scoring#latest`; that of a job that scores holds `gen#scoring` and
`gen#score#00000012`. What tenants spent by day outlives the job, in `costs#<tenant>`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.clock import from_text, to_text
from chalicelib.documents import Absent, Document, Documents, Key, Put, Range
from chalicelib.errors import NotFound
from chalicelib.generation.jobs.model import Money, Score, StepCost


def partition(job_id: str) -> str:
    return f"job#{job_id}"


def run_key(job_id: str) -> Key:
    return Key(partition(job_id), "gen#run")


def shard_key(job_id: str, shard: int) -> Key:
    return Key(partition(job_id), f"gen#shard#{shard:04d}")


def step_key(job_id: str, step_id: str) -> Key:
    return Key(partition(job_id), f"gen#step#{step_id}")


def part_key(job_id: str, first: int) -> Key:
    return Key(partition(job_id), f"gen#part#{first:08d}")


def line_key(job_id: str, shard: int, attempt: int, number: int) -> Key:
    return Key(partition(job_id), f"gen#line#{shard:04d}#{attempt:06d}#{number:08d}")


def export_key(job_id: str, export_id: str) -> Key:
    return Key(partition(job_id), f"gen#export#{export_id}")


def latest_scoring_key(job_id: str) -> Key:
    return Key(partition(job_id), "gen#scoring#latest")


def scoring_key(scoring_id: str) -> Key:
    """In the partition of the job that scores, as the scores are."""
    return Key(partition(scoring_id), "gen#scoring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Money and progress of a job. `parallel` is how many shards may run at a time."""

    cap: int
    free: int
    spent: int = 0
    reserved: int = 0
    lost: int = 0
    done: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    parallel: int = 1
    estimate: int = 0
    started: bool = True
    seed_data_id: str = ""
    seed_count: int = 0
    round: int = 0
    """How often the retry of failed records was asked for."""
    last_at: datetime | None = None

    @property
    def money(self) -> Money:
        return Money(cap=self.cap, spent=self.spent, reserved=self.reserved, free=self.free, lost=self.lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """`next` is the first record that is not there yet; only attempt `attempt` moves it.

    `lot` is what that attempt has reserved; `lost` what attempts had that never said what became of it.
    `round` is the last retry of failed records that it carried out. `spare` is the object of records that were made out
    of their turn when an attempt had to stop. `waits_for` says what keeps the attempt waiting, and `waits_until`
    when it tries again, where that is known.
    """

    attempt: int = 0
    next: int = 0
    lot: int = 0
    lost: int = 0
    round: int = 0
    spare: str = ""
    waits_for: str = ""
    waits_until: datetime | None = None
    version: int = 0


GOES_ON: Mapping[str, Any] = {"waits_for": "", "waits_until": None}
"""Fields of a shard that waits for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a batch of records cost at one step."""

    step_id: str
    model: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0

    def plus(self, other: "Entry") -> "Entry":
        return replace(
            self,
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Records `first` up to `end` (exclusive) are in `object`. `columns` are the names and kinds of their columns."""

    first: int
    end: int
    failed: int
    object: str
    at: datetime
    columns: Mapping[str, str] = field(default_factory=dict)
    round: int = 0
    """The retry of failed records that made it; 0 for none."""


def put_run(job_id: str, run: Run) -> Put:
    return Put(run_key(job_id), _plain(asdict(run)), [Absent()])


def load_run(documents: Documents, job_id: str) -> Run:
    found = documents.get(run_key(job_id))
    if found is None:
        raise NotFound(f"Job {job_id} generates nothing.")
    return to_run(found)


def to_run(document: Document) -> Run:
    body = dict(document.body)
    body["last_at"] = from_text(body["last_at"]) if body["last_at"] else None
    return Run(**body)


def put_shard(job_id: str, number: int, shard: Shard) -> Put:
    body = _plain(asdict(shard))
    del body["version"]
    return Put(shard_key(job_id, number), body, [Absent()])


def load_shard(documents: Documents, job_id: str, number: int) -> Shard:
    found = documents.get(shard_key(job_id, number))
    if found is None:
        raise NotFound(f"Job {job_id} has no shard {number}.")
    return to_shard(found)


def to_shard(document: Document) -> Shard:
    until = document.body.get("waits_until")
    return Shard(**{**document.body, "waits_until": from_text(until) if until else None}, version=document.version)


def put_step(job_id: str, position: int, step: StepCost) -> Put:
    return Put(step_key(job_id, step.step_id), {**asdict(step), "position": position}, [Absent()])


def load_steps(documents: Documents, job_id: str) -> list[StepCost]:
    found = documents.query(partition(job_id), Range(prefix="gen#step#"), limit=100).items
    bodies = sorted((dict(each.body) for each in found), key=lambda body: int(body["position"]))
    return [StepCost(**{name: body[name] for name in StepCost.__dataclass_fields__}) for body in bodies]


def put_part(job_id: str, part: Part) -> Put:
    return Put(part_key(job_id, part.first), _plain(asdict(part)))


def load_part(documents: Documents, job_id: str, first: int) -> Part | None:
    found = documents.get(part_key(job_id, first))
    return to_part(found) if found else None


def parts(documents: Documents, job_id: str, *, first: int = 0, end: int | None = None) -> Iterator[Part]:
    """In order of their records, from the part that begins at `first` on, to the one that begins before `end`."""
    last = "gen#part#~" if end is None else f"gen#part#{max(end - 1, 0):08d}"
    within = Range(prefix="gen#part#", start=f"gen#part#{first:08d}", end=last)
    return map(to_part, every(documents, partition(job_id), within))


def part_with(documents: Documents, job_id: str, number: int) -> int:
    """Where the part begins that holds the record; 0 when there is none before it."""
    within = Range(prefix="gen#part#", end=f"gen#part#{number:08d}")
    found = documents.query(partition(job_id), within, limit=1, descending=True).items
    return int(found[0].body["first"]) if found else 0


def to_part(document: Document) -> Part:
    return Part(**{**document.body, "at": from_text(document.body["at"])})


def put_line(
    key: Key, *, at: datetime, first: int, end: int, price_version: str, entries: Sequence[Entry], by: str
) -> Put:
    """`by` says what the money went to: `records`, `abandoned` ones, or `retries` of failed ones."""
    body = {
        "at": to_text(at),
        "first": first,
        "end": end,
        "by": by,
        "price_version": price_version,
        "cost": sum(each.cost for each in entries),
        "entries": [asdict(each) for each in entries],
    }
    return Put(key, body, [Absent()])


def lines(documents: Documents, job_id: str) -> Iterator[Mapping[str, Any]]:
    return (each.body for each in every(documents, partition(job_id), Range(prefix="gen#line#")))


def put_score(scoring_id: str, score: Score) -> Put:
    return Put(Key(partition(scoring_id), f"gen#score#{score.number:08d}"), asdict(score))


def scores(documents: Documents, scoring_id: str) -> list[Score]:
    return [Score(**each.body) for each in every(documents, partition(scoring_id), Range(prefix="gen#score#"))]


def later_exports(documents: Documents, job_id: str, *, limit: int) -> list[str]:
    """Ids of the jobs that make them, newest first."""
    found = documents.query(partition(job_id), Range(prefix="gen#export#"), limit=limit, descending=True)
    return [str(each.body["job_id"]) for each in found.items]


def every(documents: Documents, partition: str, within: Range) -> Iterator[Document]:
    cursor: str | None = None
    while True:
        page = documents.query(partition, within, limit=500, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_text(value) if isinstance(value, datetime) else value for name, value in values.items()}
