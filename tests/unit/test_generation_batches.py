"""Batches and costs."""

from datetime import date

import pytest

from chalicelib.errors import Invalid, NotFound
from chalicelib.generation import costs
from chalicelib.generation.batches import operations as batches
from chalicelib.generation.batches.request import parse_batch
from chalicelib.jobs import operations as jobs
from tests import make
from tests.generating import ONE_STEP, Factory

YEAR = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}


@pytest.fixture
def factory():
    return Factory()


def base_of(factory, **changes):
    given = {"template_id": factory.template(ONE_STEP), "seed_data_id": factory.seeds(), "num_records": 5}
    return {**given, "model": "offline/small", **changes}


def sweep(factory, key="num_records", values=(5, 10), budget=1.0, **changes):
    base = {name: value for name, value in base_of(factory, **changes).items() if name != key}
    data = {"name": "Compare", "base": base, "sweep_key": key, "values": list(values), "budget_limit": budget}
    return batches.submit(factory.ports, factory.me, parse_batch(data))


def test_a_batch_is_a_job_per_value_that_can_be_compared(factory):
    batch = sweep(factory)
    for each in batch.jobs:
        factory.run(each.job_id)
    seen = batches.see(factory.ports, factory.me, batch.batch_id)
    assert [(each.value, each.status, each.done) for each in seen.jobs] == [(5, "succeeded", 5), (10, "succeeded", 10)]
    assert seen.jobs[0].spent < seen.jobs[1].spent


def test_the_caps_of_its_jobs_stay_within_its_own(factory):
    batch = sweep(factory, values=(1, 10, 100))
    caps = [each.cap for each in batch.jobs]
    assert sum(caps) <= batch.cap == 1_000_000
    assert caps == sorted(caps)


def test_a_cap_that_does_not_cover_one_record_of_each_is_refused(factory):
    with pytest.raises(Invalid) as raised:
        sweep(factory, budget=0.00005)
    assert raised.value.faults[0].place == "budget_limit"


def test_a_sweep_that_changes_nothing_is_refused(factory):
    steps = [{**ONE_STEP[0], "model": "offline/small"}]
    with pytest.raises(Invalid) as raised:
        sweep(factory, key="model_tier", values=(1, 2), template_id=factory.template(steps))
    assert "nothing to compare" in raised.value.faults[0].message


def test_a_wrong_value_is_refused_before_anything_is_submitted(factory):
    with pytest.raises(Invalid):
        sweep(factory, values=(5, 0))
    assert batches.list_batches(factory.ports, factory.me).items == []


def test_a_repeated_submission_is_the_same_batch(factory):
    base = {name: value for name, value in base_of(factory).items() if name != "num_records"}
    request = parse_batch(
        {"name": "Twice", "base": base, "sweep_key": "num_records", "values": [1, 2], "budget_limit": 1}
    )
    first, second = [batches.submit(factory.ports, factory.me, request, batch_id="01B") for _ in range(2)]
    assert [each.job_id for each in first.jobs] == [each.job_id for each in second.jobs]


def test_batches_are_listed_newest_first_to_their_tenant_only(factory):
    wanted = [sweep(factory).batch_id, sweep(factory).batch_id]
    found = [each.batch_id for each in batches.list_batches(factory.ports, factory.me).items]
    assert found == wanted[::-1]
    assert batches.list_batches(factory.ports, make.caller("elsewhere")).items == []
    with pytest.raises(NotFound):
        batches.see(factory.ports, make.caller("elsewhere"), wanted[0])


def test_a_deleted_job_leaves_its_batch_readable(factory):
    batch = sweep(factory)
    factory.run(batch.jobs[0].job_id)
    jobs.delete(factory.ports, factory.me, batch.jobs[0].job_id)
    assert batches.see(factory.ports, factory.me, batch.batch_id).jobs[0].status == "deleted"


@pytest.mark.parametrize("by", ["day", "model", "template", "member"])
def test_costs_are_what_the_jobs_spent_however_they_are_added_up(factory, by):
    spent = sum(factory.see(factory.make_it(num_records=5)).money.spent for _ in range(2))
    rows = costs.summary(factory.ports, factory.me, **YEAR, by=by)
    assert sum(row.cost for row in rows) == spent
    assert sum(row.records for row in rows) == 10


def test_costs_stay_when_the_job_goes(factory):
    job_id = factory.make_it(num_records=5)
    spent = factory.see(job_id).money.spent
    jobs.delete(factory.ports, factory.me, job_id)
    assert costs.summary(factory.ports, factory.me, **YEAR, by="day")[0].cost == spent


def test_costs_of_other_days_and_tenants_are_not_told(factory):
    factory.make_it(num_records=1)
    before = {"since": date(2026, 1, 1), "until": date(2026, 11, 19)}
    assert costs.summary(factory.ports, factory.me, **before, by="day") == []
    assert costs.summary(factory.ports, make.caller("elsewhere"), **YEAR, by="day") == []


def test_costs_as_csv_are_in_dollars(factory):
    factory.make_it(num_records=5)
    rows = costs.summary(factory.ports, factory.me, **YEAR, by="template")
    lines = costs.as_csv(rows, "template").splitlines()
    assert lines[0] == "template,records,calls,input_tokens,output_tokens,cost_usd"
    assert lines[1].startswith("Reviews,5,10,")
