"""From records made to a batch that is there: its part first, then one transaction that says so."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import orjson

from chalicelib.clock import to_text
from chalicelib.documents import Absent, ConditionFailed, Key, Put, Update, Write
from chalicelib.generation import budget, columns, costs, parts, store
from chalicelib.generation.budget import Change, Place, Purse
from chalicelib.generation.jobs.model import Plan, Record
from chalicelib.generation.parts import Batch
from chalicelib.generation.records import Made
from chalicelib.generation.store import Entry, Part
from chalicelib.limits import budget as monthly
from chalicelib.limits.storage import Meter
from chalicelib.wiring import Ports


class Batches:
    """Those of one attempt at a shard."""

    def __init__(self, ports: Ports, tenant_id: str, place: Place, plan: Plan, meter: Meter) -> None:
        self._ports = ports
        self._tenant_id = tenant_id
        self._place = place
        self._plan = plan
        self._meter = meter
        self._folder = parts.folder(tenant_id, place.job_id)
        self._lines = 0
        self._counted: set[Key] = set()

    def of(self, made: Sequence[Made]) -> Batch:
        records = [each.record for each in made if each.record is not None]
        return self._batch(records, summed(entry for each in made for entry in each.entries))

    def mended(self, batch: Batch, made: Mapping[int, Made]) -> Batch:
        """The batch with some of its records made anew, at the cost of those."""
        records = [_anew(each, made.get(each.number)) for each in batch.records]
        return self._batch(records, summed(entry for each in made.values() for entry in each.entries))

    def left_at(self, first: int) -> Batch | None:
        """What an attempt before left at this record without accounting for it."""
        return self._read(parts.left_behind(self._ports.objects, self._folder, first=first))

    def left_mended(self, part: Part, round_: int) -> Batch | None:
        place = self._folder
        return self._read(parts.left_behind(self._ports.objects, place, first=part.first, end=part.end, round_=round_))

    def commit(self, batch: Batch, purse: Purse, *, mends: Part | None = None, round_: int = 0) -> None:
        """Raises Superseded."""
        key = self._folder + parts.name_of(batch, round_=round_, attempt=self._place.attempt)
        self._put(key, parts.encode(batch))
        purse.commit(self._change(batch, key, mends, round_))

    def adopt(self, batch: Batch, *, mends: Part | None = None, round_: int = 0) -> None:
        """Raises Superseded."""
        key = parts.left_behind(self._ports.objects, self._folder, first=batch.first, end=batch.end, round_=round_)
        assert key is not None  # noqa: S101 - it was just read
        budget.adopt(self._ports.documents, self._place, self._change(batch, key, mends, round_))

    def give_up(self, entries: Iterable[Entry], spare: Sequence[Made], purse: Purse) -> None:
        """The end of an attempt: pay for what was given up half-way, keep what was made out of its turn, and give the
        rest of the money back."""
        spent = summed([*entries, *(entry for made in spare for entry in made.entries)])
        change = Change(
            cost=sum(each.cost for each in spent),
            line=self._line(0, 0, spent, by="abandoned"),
            run=_counted(spent),
            shard={"spare": self._put_aside(spare), **store.GOES_ON},
            writes=self._counters(spent, records=0),
        )
        purse.commit(change, keep=False)

    def tell(self, waits_for: str, waits_until: datetime | None) -> None:
        """What keeps the attempt waiting."""
        said = {"waits_for": waits_for, "waits_until": to_text(waits_until) if waits_until else None}
        # Whoever has taken the shard over has told otherwise.
        with suppress(ConditionFailed):
            change = Update(self._place.shard_key, set=said, conditions=[self._place.fence])
            self._ports.documents.transact([change], durable=False)

    def _put_aside(self, spare: Sequence[Made]) -> str:
        if not spare:
            return ""
        key = f"{self._folder}spare/{self._place.shard:04d}.{self._place.attempt}.json"
        rows = [parts.row_of(each.record) for each in spare if each.record is not None]
        self._put(key, orjson.dumps(rows))
        return key

    def _put(self, key: str, content: bytes) -> None:
        self._meter.add(self._tenant_id, self._ports.objects.put(key, content, replace=True))

    def put_aside(self, key: str) -> dict[int, Made]:
        """What the attempt before made out of its turn; it is paid for."""
        rows = orjson.loads(self._ports.objects.get(key)) if key else []
        return {row["number"]: Made(row["number"], Record(**row)) for row in rows}

    def finish_round(self, purse: Purse, round_: int) -> None:
        line = self._line(0, 0, [], by="retries")
        purse.commit(Change(cost=0, line=line, shard={"round": round_}))

    def _batch(self, records: Sequence[Record], entries: Sequence[Entry]) -> Batch:
        return Batch(
            first=records[0].number,
            end=records[-1].number + 1,
            at=self._ports.clock.now(),
            entries=entries,
            columns=columns.kinds_of(columns.flatten(parts.row_of(each)) for each in records if not each.error),
            records=records,
        )

    def _read(self, key: str | None) -> Batch | None:
        return parts.decode(self._ports.objects.get(key)) if key else None

    def _change(self, batch: Batch, key: str, mends: Part | None, round_: int) -> Change:
        part = Part(
            first=batch.first,
            end=batch.end,
            failed=batch.failed,
            object=key,
            at=batch.at,
            columns=batch.columns,
            round=round_,
        )
        before = mends.failed if mends else 0
        done = before - batch.failed if mends else batch.end - batch.first - batch.failed
        return Change(
            cost=batch.cost,
            line=self._line(batch.first, batch.end, batch.entries, by="retries" if mends else "records"),
            run={"done": done, "failed": batch.failed - before, **_counted(batch.entries)},
            run_set={"last_at": to_text(batch.at)},
            shard={} if mends else {"next": batch.end},
            writes=[store.put_part(self._place.job_id, part), *self._counters(batch.entries, records=done)],
        )

    def _line(self, first: int, end: int, entries: Sequence[Entry], *, by: str) -> Put:
        self._lines += 1
        return store.put_line(
            store.line_key(self._place.job_id, self._place.shard, self._place.attempt, self._lines),
            at=self._ports.clock.now(),
            first=first,
            end=end,
            price_version=self._plan.price_version,
            entries=entries,
            by=by,
        )

    def _counters(self, entries: Sequence[Entry], *, records: int) -> list[Write]:
        """What the steps, the tenant's day and its month have cost."""
        steps = [Update(store.step_key(self._place.job_id, each.step_id), add=_amounts(each)) for each in entries]
        days = costs.additions(self._ports, self._tenant_id, self._plan, entries, records=records)
        for each in days:
            self._make_sure_of(each.key)
        cost = sum(each.cost for each in entries)
        return [*steps, *days, *([monthly.charge(self._ports, self._tenant_id, cost)] if cost else [])]

    def _make_sure_of(self, key: Key) -> None:
        if key in self._counted:
            return
        with suppress(ConditionFailed):
            self._ports.documents.transact([Put(key, costs.NOTHING, [Absent()])])
        self._counted.add(key)


def summed(entries: Iterable[Entry]) -> list[Entry]:
    """One entry per step and model."""
    found: dict[tuple[str, str], Entry] = {}
    for each in entries:
        key = (each.step_id, each.model)
        found[key] = found[key].plus(each) if key in found else each
    return list(found.values())


def _anew(record: Record, made: Made | None) -> Record:
    """What the record cost before stays with it."""
    if made is None or made.record is None:
        return record
    after = made.record
    return replace(after, cost=record.cost + after.cost, tokens=record.tokens + after.tokens)


def _amounts(entry: Entry) -> dict[str, int]:
    names = ("calls", "input_tokens", "output_tokens", "cost")
    return {name: getattr(entry, name) for name in names}


def _counted(entries: Sequence[Entry]) -> dict[str, int]:
    names = ("calls", "input_tokens", "output_tokens")
    return {name: sum(getattr(each, name) for each in entries) for name in names}
