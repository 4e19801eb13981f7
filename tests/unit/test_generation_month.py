"""An organisation's budget of a month, and the generation that spends from it."""

import pytest

from chalicelib.documents import Index
from chalicelib.generation.batches import operations as batches
from chalicelib.generation.batches.request import parse_batch
from chalicelib.generation.jobs import operations
from chalicelib.generation.templates import operations as templates
from chalicelib.jobs import operations as jobs
from chalicelib.limits import budget
from chalicelib.limits.budget import BudgetReached
from chalicelib.notifications.notices import OPEN_NOTICES
from tests.generating import ONE_STEP, Factory


@pytest.fixture
def factory():
    return Factory()


def spent(factory):
    return budget.month(factory.ports, "acme").spent


def told(factory):
    page = factory.ports.documents.query_index(Index.THIRD, OPEN_NOTICES)
    return sorted(each.body["kind"] for each in page.items if each.body["kind"].startswith("budget"))


def used_up(factory):
    """A month whose budget one job took whole."""
    factory.make_it(num_records=20)
    factory.limit(monthly_budget=spent(factory))


def test_what_jobs_spend_is_charged_to_the_month(factory):
    found = [factory.see(factory.make_it(num_records=number)).money.spent for number in (20, 70)]
    assert spent(factory) == sum(found) > 0


def test_what_a_stopped_job_paid_for_is_charged_too(factory):
    job_id = factory.make_it(num_records=100, budget_limit=0.002)
    assert factory.see(job_id).job.status == "budget_exceeded"
    assert spent(factory) == factory.see(job_id).money.spent


def test_a_real_test_of_a_template_is_charged(factory):
    template = factory.template([{"id": "a", "prompt": "x", "model": "offline/small"}])
    [test] = templates.try_out(factory.ports, factory.me, template, {}, real=True, budget=1_000_000)
    assert spent(factory) == test.cost > 0


def test_a_used_up_month_stops_a_job_that_keeps_what_it_made(factory):
    slow = [{**ONE_STEP[0], "model": "offline/small+slow=10"}]
    per_record = factory.see(factory.make_it(num_records=50, steps=slow)).money.spent // 50
    factory.limit(monthly_budget=spent(factory) + 60 * per_record)
    job_id = factory.make_it(num_records=400, steps=slow)
    seen = factory.see(job_id)
    assert (seen.job.status, jobs.get_order(factory.ports, factory.me, job_id, 1).status) == (
        "budget_exceeded",
        "failed",
    )
    assert 60 <= seen.progress.done < 400
    assert len(factory.dataset(job_id).splitlines()) == seen.progress.done
    assert "2026-11 is used up" in jobs.get_order(factory.ports, factory.me, job_id, 1).reason


def test_a_month_that_the_last_record_uses_up_stops_nothing(factory):
    before = factory.make_it(num_records=20)
    factory.limit(monthly_budget=2 * spent(factory))
    job_id = factory.make_it(num_records=20, template_id=factory.see(before).plan.template_id)
    assert (factory.status(job_id), factory.see(job_id).progress.done) == ("succeeded", 20)


def test_a_stopped_job_goes_on_in_another_month(factory):
    wanted = {"num_records": 400, "steps": [{**ONE_STEP[0], "model": "offline/small+slow=10"}]}
    whole = factory.dataset(factory.make_it(**wanted))
    factory.limit(monthly_budget=spent(factory) * 5 // 4)
    job_id = factory.make_it(**wanted)
    assert factory.status(job_id) == "budget_exceeded"
    factory.ports.clock.tick(15 * 86_400)
    factory.advance(job_id, operations.resume)
    assert factory.status(job_id) == "succeeded"
    assert factory.dataset(job_id) == whole


def test_alerts_are_told_while_a_job_spends(factory):
    factory.make_it(num_records=50)
    factory.limit(monthly_budget=spent(factory) * 10)
    factory.make_it(num_records=380)
    assert told(factory) == ["budget.80"]
    factory.make_it(num_records=100)
    assert told(factory) == ["budget.80", "budget.reached"]


def test_a_used_up_month_takes_no_new_job_but_a_draft(factory):
    used_up(factory)
    with pytest.raises(BudgetReached, match="used up"):
        factory.submit()
    draft = factory.submit(start=False)
    with pytest.raises(BudgetReached):
        operations.resume(factory.ports, factory.me, draft)


def test_a_used_up_month_takes_no_batch(factory):
    used_up(factory)
    base = {"template_id": factory.template(), "seed_data_id": factory.seeds(), "model": "offline/small"}
    wanted = {"name": "b", "base": base, "sweep_key": "num_records", "values": [1, 2], "budget_limit": 1}
    with pytest.raises(BudgetReached):
        batches.submit(factory.ports, factory.me, parse_batch(wanted))


def test_a_used_up_month_refuses_to_ask_models_for_a_test(factory):
    used_up(factory)
    template = factory.template()
    with pytest.raises(BudgetReached):
        templates.try_out(factory.ports, factory.me, template, {}, real=True, budget=1_000_000)
    assert templates.try_out(factory.ports, factory.me, template, {})


def test_a_used_up_month_raises_no_budget_and_retries_no_record(factory):
    stopped = factory.make_it(num_records=100, budget_limit=0.002)
    failed = factory.make_it(num_records=40, steps=[{"id": "a", "prompt": "x", "model": "offline/small+refuse=9"}])
    used_up(factory)
    with pytest.raises(BudgetReached):
        operations.set_budget(factory.ports, factory.me, stopped, 5)
    with pytest.raises(BudgetReached):
        operations.retry_failed_records(factory.ports, factory.me, failed)
