"""A generation submitted again, as it was or with changes."""

import pytest

from chalicelib.errors import Conflict, Invalid
from chalicelib.generation.exports import operations as exports
from chalicelib.generation.jobs.cloning import clone
from chalicelib.generation.jobs.model import Format
from tests.generating import ONE_STEP, Factory


@pytest.fixture
def factory():
    return Factory()


def cloned(factory, job_id, **changes):
    return factory.see(clone(factory.ports, factory.me, job_id, changes).job_id)


def test_a_clone_makes_the_same_dataset(factory):
    split = {"by": "split", "test_percent": 30}
    job_id = factory.make_it(num_records=40, shuffle=5, partition=split, name="First")
    again = cloned(factory, job_id)
    factory.run(again.job.job_id)
    before = factory.see(job_id)
    assert (again.plan, again.money.cap, again.job.name) == (before.plan, before.money.cap, "First")
    for part in ("train/data.jsonl", "test/data.jsonl"):
        assert factory.dataset(again.job.job_id, part) == factory.dataset(job_id, part)


def test_a_clone_takes_the_changes(factory):
    again = cloned(factory, factory.submit(num_records=40), num_records=7, name="Few", budget_limit=0.5)
    assert (again.plan.num_records, again.job.name, again.money.cap) == (7, "Few", 500_000)


def test_another_model_replaces_those_of_all_steps(factory):
    again = cloned(factory, factory.submit(), model="offline/large")
    assert {step.model for step in again.plan.steps} == {"offline/large"}


def test_another_template_brings_its_own_steps(factory):
    other = factory.template(ONE_STEP, name="Other")
    again = cloned(factory, factory.submit(), template_id=other, model="offline/small")
    assert (again.plan.template_id, [step.step_id for step in again.plan.steps]) == (other, ["draft"])


def test_a_clone_stays_with_the_version_it_was_made_of(factory):
    job_id = factory.submit()
    assert cloned(factory, job_id).plan.template_version == factory.see(job_id).plan.template_version


def test_faults_of_the_changes_are_told(factory):
    with pytest.raises(Invalid) as raised:
        cloned(factory, factory.submit(), num_records=0, unknown=1)
    assert {each.place for each in raised.value.faults} == {"num_records", "unknown"}


def test_a_job_that_millrace_made_itself_is_not_cloned(factory):
    export = exports.export(factory.ports, factory.me, factory.make_it(num_records=2), Format.CSV)
    with pytest.raises(Conflict):
        clone(factory.ports, factory.me, export.job_id, {})
