"""Jobs of records: made once, paid once, stopped by budgets, stops and outages, and taken up where they were."""

import json
from contextlib import suppress
from dataclasses import replace
from threading import Timer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import Conflict, Invalid
from chalicelib.generation import running, store
from chalicelib.generation.jobs import operations
from chalicelib.jobs import operations as jobs
from chalicelib.jobs import results
from chalicelib.jobs.actions import Task
from chalicelib.jobs.model import Target
from chalicelib.limits import budget
from tests import make
from tests.engine import Crash
from tests.generating import ONE_STEP, SCHEMA, Factory, MortalDocuments


@pytest.fixture
def factory():
    return Factory()


def test_it_works(factory):
    job_id = factory.make_it(num_records=20)
    seen = factory.see(job_id)
    assert (seen.job.status, seen.progress.done, seen.progress.failed) == ("succeeded", 20, 0)
    assert factory.check_books(job_id).reserved == 0


def test_every_record_is_there_once_in_order_with_its_seed(factory):
    found = factory.records(factory.make_it(num_records=120, seeds=10))
    assert [each.number for each in found] == list(range(120))
    assert [each.seed for each in found] == [number % 10 for number in range(120)]


def test_a_later_step_reads_the_output_of_an_earlier_one(factory):
    record = factory.records(factory.make_it(num_records=1))[0]
    assert record.prompts["short"] == f"Shorten: {record.outputs['draft']}"


def test_shuffled_seeds_are_all_used_and_the_run_can_be_repeated(factory):
    seeds_of = [[each.seed for each in factory.records(factory.make_it(num_records=10, shuffle=7))] for _ in range(2)]
    assert sorted(seeds_of[0]) == list(range(10))
    assert seeds_of[0] == seeds_of[1] != list(range(10))


def test_shards_divide_the_records_and_leave_none_out(factory):
    job_id = factory.make_it(num_records=1203)
    plan = factory.see(job_id).plan
    assert plan.shards == 3
    assert [plan.bounds(each) for each in (1, 2, 3)] == [(0, 401), (401, 802), (802, 1203)]
    assert factory.see(job_id).progress.done == 1203


def reviews(model):
    return [{"id": "review", "prompt": "Review {{ topic }}.", "output_schema": SCHEMA, "model": model}]


def test_outputs_with_a_schema_are_json_that_matches(factory):
    record = factory.records(factory.make_it(steps=reviews("offline/small"), num_records=1))[0]
    assert isinstance(record.outputs["review"]["stars"], int)


def test_an_answer_that_does_not_match_is_asked_for_again_and_paid_again(factory):
    job_id = factory.make_it(steps=reviews("offline/small+garble=4"), num_records=8)
    assert factory.see(job_id).steps[0].calls > 8
    assert factory.see(job_id).progress.done > 4


def test_an_answer_that_never_matches_fails_its_record_with_the_reason(factory):
    job_id = factory.make_it(steps=reviews("offline/small+garble=1"), num_records=5)
    failed = factory.records(job_id, failed=True)
    assert len(failed) == 5
    assert "does not match its schema" in failed[0].error
    assert factory.see(job_id).steps[0].calls == 15


def test_failed_records_are_kept_and_retried_alone(factory):
    job_id = factory.make_it(num_records=100, steps=one_step("offline/small+refuse=10"))
    before = factory.records(job_id)
    failed = [each.number for each in before if each.error]
    assert 0 < len(failed) < 20
    factory.advance(job_id, operations.retry_failed_records)
    after = factory.records(job_id)
    assert [each for each in after if each.number not in failed] == [each for each in before if not each.error]
    assert factory.status(job_id) == "succeeded"


def test_retrying_without_failures_is_refused(factory):
    with pytest.raises(Conflict):
        operations.retry_failed_records(factory.ports, factory.me, factory.make_it(num_records=2))


def one_step(model):
    return [{**ONE_STEP[0], "model": model}]


def test_a_model_outage_is_a_failure_and_no_success():
    factory = Factory(make.ports(MILLRACE_MODEL_PATIENCE="0"))
    job_id = factory.make_it(num_records=30, steps=one_step("offline/small+fail=1"))
    assert factory.status(job_id) == "failed"
    reason = jobs.get_order(factory.ports, factory.me, job_id, 1).reason
    assert "records failed" in reason
    assert factory.check_books(job_id).spent == 0


def test_a_few_failures_do_not_stop_a_job(factory):
    job_id = factory.make_it(num_records=60, steps=one_step("offline/small+refuse=9"))
    assert factory.status(job_id) == "succeeded"
    assert 0 < factory.see(job_id).progress.failed < 15


def test_counts_that_cannot_be_true_fail_the_record_at_its_worst_case(factory):
    job_id = factory.make_it(num_records=3, steps=one_step("offline/small+lie=9999"))
    assert "more than the request allowed" in factory.records(job_id)[0].error
    run = factory.check_books(job_id)
    assert 0 < run.spent <= factory.see(job_id).estimate * 4


def test_lost_answers_are_asked_for_again_and_stay_reserved(factory):
    job_id = factory.make_it(num_records=10, steps=one_step("offline/small+lose=4"))
    run = factory.check_books(job_id)
    assert factory.see(job_id).progress.done == 10
    assert run.lost == run.reserved > 0


def budget_of(records, factory):
    """USD that so many records cost, about."""
    job_id = factory.make_it(num_records=10)
    return factory.see(job_id).money.spent * records / 10 / 1_000_000


def test_a_budget_stops_the_job_and_what_was_made_is_kept_and_exported(factory):
    job_id = factory.make_it(num_records=100, budget_limit=budget_of(30, factory))
    seen = factory.see(job_id)
    assert seen.job.status == "budget_exceeded"
    assert 15 <= seen.progress.done <= 32
    assert len(factory.dataset(job_id).splitlines()) == seen.progress.done
    run = factory.check_books(job_id)
    assert run.spent <= run.cap
    assert run.reserved == 0


def test_more_money_lets_it_go_on_to_the_same_dataset(factory):
    whole = factory.dataset(factory.make_it(num_records=100, template_id=factory.template()))
    job_id = factory.make_it(num_records=100, budget_limit=budget_of(30, factory))
    factory.advance(job_id, operations.set_budget, 5.0)
    assert factory.status(job_id) == "succeeded"
    assert factory.dataset(job_id) == whole
    factory.check_books(job_id)


def test_a_budget_below_one_record_is_refused_with_what_is_needed(factory):
    with pytest.raises(Invalid) as raised:
        factory.submit(budget_limit=0.000001)
    assert raised.value.faults[0].place == "budget_limit"


def test_the_smallest_cap_makes_a_record(factory):
    request = factory.request(num_records=50)
    cap = operations.estimate(factory.ports, factory.me, request).smallest_cap / 1_000_000
    job_id = operations.submit(factory.ports, factory.me, request.model_copy(update={"budget_limit": cap})).job_id
    factory.run(job_id)
    assert factory.see(job_id).progress.done >= 1


def test_a_cap_cannot_go_below_what_is_spent(factory):
    job_id = factory.make_it(num_records=10)
    with pytest.raises(Conflict):
        operations.set_budget(factory.ports, factory.me, job_id, 0.000001)


def test_a_draft_waits_until_it_is_started(factory):
    job_id = factory.make_it(num_records=3, start=False, seed_data_id=None)
    assert factory.see(job_id).is_draft
    with pytest.raises(Conflict):
        operations.resume(factory.ports, factory.me, job_id)
    operations.set_seed_data(factory.ports, factory.me, job_id, factory.seeds())
    factory.advance(job_id, operations.resume)
    assert factory.status(job_id) == "succeeded"


def test_a_started_job_keeps_its_seed_data(factory):
    job_id = factory.submit(num_records=3)
    with pytest.raises(Conflict):
        operations.set_seed_data(factory.ports, factory.me, job_id, factory.seeds())


def test_a_paused_job_hands_nothing_out_until_it_is_resumed(factory):
    job_id = factory.submit(num_records=3)
    operations.pause(factory.ports, factory.me, job_id)
    factory.run(job_id)
    assert (factory.see(job_id).progress.done, factory.see(job_id).paused_by) == (0, factory.me.email)
    factory.advance(job_id, operations.resume)
    assert factory.status(job_id) == "succeeded"


def test_a_running_shard_is_handed_back_when_its_job_is_paused_and_costs_no_loss(factory):
    job_id = factory.submit(num_records=400, steps=one_step("offline/small+slow=50"))
    factory.orchestrator.look(job_id)
    operations.pause(factory.ports, factory.me, job_id)
    factory.run_next()
    factory.orchestrator.look(job_id)
    order = jobs.get_order(factory.ports, factory.me, job_id, 1)
    assert (order.status, order.losses) == ("queued", 0)
    assert factory.see(job_id).progress.done > 0
    factory.check_books(job_id)


def test_a_worker_that_is_told_to_end_commits_and_hands_the_shard_back(factory):
    wanted = {"template_id": factory.template(one_step("offline/small+slow=20")), "seed_data_id": factory.seeds()}
    whole = factory.dataset(factory.make_it(num_records=200, **wanted))
    job_id = factory.submit(num_records=200, **wanted)
    factory.orchestrator.look(job_id)
    stopping = Timer(0.2, factory.runner.stop_all)
    stopping.start()
    factory.run_next()
    stopping.join()
    assert 0 < factory.see(job_id).progress.done < 200
    factory.runner = factory.new_worker()
    factory.run(job_id)
    assert factory.dataset(job_id) == whole
    assert jobs.get_order(factory.ports, factory.me, job_id, 1).losses == 0


def test_a_cancelled_job_keeps_what_is_there_and_can_be_exported(factory):
    job_id = factory.submit(num_records=10)
    jobs.cancel(factory.ports, factory.me, job_id)
    factory.run(job_id)
    assert factory.status(job_id) == "cancelled"


CRASHES = st.tuples(st.integers(0, 14), st.booleans())


@settings(max_examples=25)
@given(crash=CRASHES)
def test_a_kill_at_any_write_costs_no_record_and_pays_none_twice(crash):
    factory = Factory()
    template, seeds = factory.template(), factory.seeds()
    wanted = {"template_id": template, "seed_data_id": seeds, "num_records": 120}
    whole = factory.make_it(**wanted)
    job_id = factory.submit(**wanted)
    factory.orchestrator.look(job_id)
    kill(factory, job_id, *crash)
    factory.run(job_id)
    assert factory.dataset(job_id) == factory.dataset(whole)
    assert [each.number for each in factory.records(job_id)] == list(range(120))
    run = factory.check_books(job_id)
    assert run.lost == run.reserved
    assert budget.month(factory.ports, "acme").spent == run.spent + factory.see(whole).money.spent


def kill(factory, job_id, writes_left, after):
    """Run the shard until its process dies at a write; the engine then notices that its worker is gone."""
    target = factory.ports.executors[Target.PROCESS]
    assignment = target.handed[factory.taken]
    factory.taken += 1
    results.begin(factory.ports, assignment, worker="w0")
    with suppress(Crash):
        running.generate(task_of(factory, job_id, MortalDocuments(factory.ports.documents, writes_left, after=after)))
    target.gone.add("w0")


def task_of(factory, job_id, documents):
    ports = replace(factory.ports, documents=documents)
    order = jobs.get_order(factory.ports, factory.me, job_id, 1)
    return Task(ports, jobs.get_job(factory.ports, factory.me, job_id), order, str, bool)


def test_an_attempt_that_was_superseded_changes_nothing(factory):
    job_id = factory.make_it(num_records=20)
    before = store.load_run(factory.ports.documents, job_id)
    with pytest.raises(Conflict):
        running.generate(task_of(factory, job_id, factory.ports.documents))
    assert store.load_run(factory.ports.documents, job_id) == before


def test_estimates_show_prompts_and_both_cases(factory):
    found = operations.estimate(factory.ports, factory.me, factory.request(num_records=1000))
    assert 0 < found.smallest_cap < found.expected < found.worst
    assert found.samples[0].prompt == "Write about topic 0 for Author 0."
    assert [each.step_id for each in found.steps] == ["draft", "short"]


def test_the_expected_cost_is_near_what_it_cost_and_the_worst_case_is_above(factory):
    request = factory.request(num_records=50)
    found = operations.estimate(factory.ports, factory.me, request)
    job_id = operations.submit(factory.ports, factory.me, request).job_id
    factory.run(job_id)
    spent = factory.see(job_id).money.spent
    assert found.expected / 3 < spent < found.expected * 3
    assert spent <= found.worst


def test_records_are_searched(factory):
    job_id = factory.make_it(num_records=30, seeds=30)
    assert [each.number for each in factory.records(job_id, text="TOPIC 17")] == [17]


def test_a_line_of_the_ledger_says_who_was_paid_at_which_prices(factory):
    job_id = factory.make_it(num_records=3)
    line = next(iter(store.lines(factory.ports.documents, job_id)))
    assert line["price_version"] == factory.ports.prices.version
    assert {each["step_id"] for each in line["entries"]} == {"draft", "short"}
    assert json.dumps(line)
