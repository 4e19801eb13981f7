"""Which record of the seed data each record of a job is made from."""

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random

from chalicelib.generation.jobs.model import Plan
from chalicelib.generation.records import Seed
from chalicelib.generation.seeds.records import Records
from chalicelib.objects import Objects

AHEAD = 500
"""Seeds in memory at a time, read in the order in which they are stored."""


def seeds(objects: Objects, tenant_id: str, plan: Plan, numbers: Iterable[int]) -> Iterator[Seed]:
    records = Records(objects, tenant_id, plan.seed_data_id, plan.seed_count)
    order = _order(plan)
    wanted = iter(numbers)
    while ahead := list(islice(wanted, AHEAD)):
        indexes = {number: order[number % plan.seed_count] for number in ahead}
        found = {index: records.get(index) for index in sorted(set(indexes.values()))}
        for number in ahead:
            yield Seed(number, indexes[number], found[indexes[number]])


def _order(plan: Plan) -> range | list[int]:
    if plan.shuffle is None:
        return range(plan.seed_count)
    order = list(range(plan.seed_count))
    Random(plan.shuffle).shuffle(order)  # noqa: S311 - the same order each time
    return order
