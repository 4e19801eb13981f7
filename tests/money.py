"""A job's money in a store by itself, as budgets are tried with."""

from chalicelib.generation import store
from chalicelib.generation.budget import Change, Place
from chalicelib.generation.store import Entry, Run, Shard

JOB = "01JOB"


def open_job(ports, *, cap, shards=1, parallel=1):
    writes = [store.put_run(JOB, Run(cap=cap, free=cap, parallel=parallel))]
    writes += [store.put_shard(JOB, number, Shard()) for number in range(1, shards + 1)]
    for each in writes:
        ports.documents.transact([each])


def change(ports, place, cost, *, number=1):
    entries = [Entry(step_id="draft", model="offline/small", calls=1, cost=cost)]
    line = store.put_line(
        store.line_key(JOB, place.shard, place.attempt, number),
        at=ports.clock.now(),
        first=0,
        end=1,
        price_version="1",
        entries=entries,
        by="records",
    )
    return Change(cost=cost, line=line, run={"done": 1})


def place(shard=1, attempt=1):
    return Place(JOB, shard, attempt)


def check(ports):
    """What holds at every instant; the run as it is."""
    run = store.load_run(ports.documents, JOB)
    assert run.spent + run.reserved + run.free == run.cap
    assert run.free >= 0
    assert 0 <= run.lost <= run.reserved
    return run


def lines_total(ports):
    return sum(line["cost"] for line in store.lines(ports.documents, JOB))
