"""A sample of records as a model scores it, within a budget of its own."""

from contextlib import suppress
from dataclasses import replace

import pytest

from chalicelib.errors import Conflict, NotFound
from chalicelib.generation import scoring, store
from chalicelib.generation.jobs import operations
from chalicelib.jobs import operations as jobs
from chalicelib.jobs.actions import Task
from chalicelib.limits import budget
from chalicelib.limits.budget import BudgetReached
from chalicelib.llm import UnknownPrice
from tests import make
from tests.engine import Crash
from tests.generating import Factory, MortalDocuments
from tests.pages import signed_in


@pytest.fixture
def factory():
    return Factory()


def begin(factory, job_id, *, model="offline/small", sample=10, cap=1_000_000):
    return scoring.start(factory.ports, factory.me, job_id, model=model, sample=sample, cap=cap).job_id


def score(factory, job_id, **wanted):
    scoring_id = begin(factory, job_id, **wanted)
    factory.run(scoring_id)
    return scoring_id


def found(factory, job_id):
    return operations.get_quality(factory.ports, factory.me, job_id).scored


def test_without_being_asked_no_model_scores(factory):
    assert found(factory, factory.make_it(num_records=5)) is None


def test_a_sample_is_scored(factory):
    job_id = factory.make_it(num_records=60)
    scoring_id = score(factory, job_id)
    scored = found(factory, job_id)
    assert jobs.get_job(factory.ports, factory.me, scoring_id).status == "succeeded"
    assert (scored.scored, scored.unscored, scored.model) == (10, 0, "offline/small")
    assert sum(number for _, number in scored.counts) == 10
    assert 1 <= scored.mean <= 5
    assert scored.lowest[0].score == min(score for score, number in scored.counts if number)


def test_a_small_dataset_is_scored_whole(factory):
    job_id = factory.make_it(num_records=3)
    score(factory, job_id)
    assert found(factory, job_id).scored == 3


def test_the_model_reads_what_was_asked_and_what_came_of_it(factory):
    [row] = scoring.sample(factory.ports, factory.make_it(num_records=1), 5)
    prompt = scoring.prompt_of(row)
    assert row["prompts"]["draft"] in prompt
    assert row["outputs"]["short"][:20] in prompt


def test_what_it_costs_is_charged(factory):
    job_id = factory.make_it(num_records=20)
    before = budget.month(factory.ports, "acme").spent
    score(factory, job_id)
    assert budget.month(factory.ports, "acme").spent - before == found(factory, job_id).cost > 0
    assert factory.see(job_id).money.spent == before


def test_its_budget_stops_it_and_what_was_scored_stays(factory):
    job_id = factory.make_it(num_records=20)
    scoring_id = score(factory, job_id, cap=700)
    assert jobs.get_job(factory.ports, factory.me, scoring_id).status == "budget_exceeded"
    scored = found(factory, job_id)
    assert 0 < scored.scored < 10
    assert scored.cost <= 700


def test_records_that_get_no_score_are_counted(factory):
    job_id = factory.make_it(num_records=20)
    score(factory, job_id, model="offline/small+garble=2")
    scored = found(factory, job_id)
    assert scored.unscored > 0
    assert scored.scored + scored.unscored == 10


@pytest.mark.parametrize("writes_left", [1, 2, 5, 6])
def test_a_kill_scores_and_pays_nothing_twice(factory, writes_left):
    job_id = factory.make_it(num_records=20)
    before = budget.month(factory.ports, "acme").spent
    scoring_id = begin(factory, job_id)
    mortal = replace(factory.ports, documents=MortalDocuments(factory.ports.documents, writes_left, after=True))
    order = jobs.get_order(factory.ports, factory.me, scoring_id, 1)
    with suppress(Crash):
        scoring.score(Task(mortal, jobs.get_job(factory.ports, factory.me, scoring_id), order, str, bool))
    factory.run(scoring_id)
    scores = store.scores(factory.ports.documents, scoring_id)
    lost = [each.cost for each in scores if each.score is None]
    assert len(scores) == 10
    assert len(lost) <= 1
    paid = budget.month(factory.ports, "acme").spent - before
    assert paid == sum(each.cost for each in scores if each.score)


def test_records_are_scored_once_all_are_made(factory):
    with pytest.raises(Conflict):
        begin(factory, factory.submit(num_records=5))


def test_a_model_without_a_price_scores_nothing(factory):
    with pytest.raises(UnknownPrice):
        begin(factory, factory.make_it(num_records=2), model="openai/unheard-of")


def test_a_used_up_month_asks_no_model(factory):
    job_id = factory.make_it(num_records=5)
    factory.limit(monthly_budget=1)
    with pytest.raises(BudgetReached):
        begin(factory, job_id)


def test_another_s_records_are_not_there(factory):
    job_id = factory.make_it(num_records=2)
    with pytest.raises(NotFound):
        scoring.start(factory.ports, make.caller("other"), job_id, model="offline/small", sample=1, cap=1000)


def test_scores_go_with_the_job_that_scored(factory):
    job_id = factory.make_it(num_records=5)
    jobs.delete(factory.ports, factory.me, score(factory, job_id))
    assert found(factory, job_id) is None


def test_it_is_asked_for_over_rest_and_shown_on_the_page(people):
    factory = Factory(people.ports, people.caller(people.owner))
    job_id = factory.make_it(num_records=12)
    reply = people.owner.post(f"/api/jobs/{job_id}/quality", {"sample": 5, "budget_limit": 0.1})
    assert reply.status == 202
    factory.run(reply.json["job_id"])
    assert people.owner.get(f"/api/jobs/{job_id}/quality").json["scored"]["scored"] == 5
    assert "Scored by offline/small Mean score" in signed_in(people, people.owner).get(f"/jobs/{job_id}/dataset").words


def test_it_is_asked_for_on_the_page(people):
    factory = Factory(people.ports, people.caller(people.owner))
    job_id = factory.make_it(num_records=12)
    ada = signed_in(people, people.owner)
    form = f"/jobs/{job_id}/dataset/score"
    page = ada.get(f"/jobs/{job_id}/dataset")
    assert ada.submit(page, form, model="offline/small", sample="0").status == 400
    reply = ada.submit(page, form, model="offline/small", sample="4")
    factory.run(reply.header("Location").split("/")[2].partition("?")[0])
    assert found(factory, job_id).scored == 4
