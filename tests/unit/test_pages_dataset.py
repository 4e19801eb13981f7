"""The page of a generation job, in a browser."""

import pytest

from chalicelib.generation.jobs import operations
from tests.generating import ONE_STEP, Factory
from tests.pages import signed_in


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def factory(ports, people):
    return Factory(ports, people.caller(people.owner))


def see(browser, job_id, path=""):
    return browser.get(f"/jobs/{job_id}/dataset{path}")


def test_a_finished_job_shows_records_money_and_files(factory, ada):
    page = see(ada, factory.make_it(num_records=20))
    assert page.title.startswith("Succeeded")
    assert "20 of 20 records made" in page.words
    assert "Topic 0" in page.words or "topic 0" in page.words
    assert [each.text for each in page.all("a") if "/files/" in each.get("href")] == ["data.jsonl"]


def test_a_file_is_a_link_away(factory, ada):
    page = see(ada, factory.make_it())
    (link,) = [each.get("href") for each in page.all("a") if "/files/" in each.get("href")]
    assert ada.leads_to(link).startswith("/files/")


def test_a_job_that_was_just_submitted_says_what_comes(factory, ada):
    page = see(ada, factory.submit(num_records=20))
    assert "About to begin" in page.words
    assert "JSONL will be here when it is done" in page.words
    assert page.all("div", id="dataset")[0].get("data-hx-get")


def test_a_page_that_has_ended_asks_no_more(factory, ada):
    page = see(ada, factory.make_it())
    assert page.all("div", id="dataset")[0].get("data-hx-get") is None


def test_each_step_has_its_cost(factory, ada):
    page = see(ada, factory.make_it(num_records=20))
    assert "draft offline/small 20" in page.words
    assert "short offline/small 20" in page.words


def test_a_used_up_budget_is_explained_and_raised(factory, ada):
    job_id = factory.make_it(num_records=200, budget_limit=0.003)
    page = see(ada, job_id)
    assert "The budget is used up" in page.words
    assert "kept and exported" in page.words
    ada.submit(page, f"/jobs/{job_id}/dataset/budget", budget="1")
    factory.run(job_id)
    assert "200 of 200 records made" in see(ada, job_id).words


@pytest.mark.parametrize("typed", ["", "lots", "-1", "0"])
def test_a_budget_that_is_none_is_refused(factory, ada, typed):
    job_id = factory.make_it(num_records=200, budget_limit=0.003)
    reply = ada.submit(see(ada, job_id), f"/jobs/{job_id}/dataset/budget", budget=typed)
    assert reply.status == 400


def test_a_job_pauses_and_goes_on(factory, ada):
    job_id = factory.submit(num_records=20)
    paused = ada.follow(ada.submit(see(ada, job_id), f"/jobs/{job_id}/dataset/pause"))
    assert paused.title.startswith("Paused")
    ada.submit(paused, f"/jobs/{job_id}/dataset/continue")
    factory.run(job_id)
    assert see(ada, job_id).title.startswith("Succeeded")


def test_failed_records_are_told_with_their_reasons_and_tried_again(factory, ada):
    job_id = factory.make_it(steps=ONE_STEP, num_records=40, model="offline/small+refuse=20")
    page = see(ada, job_id)
    assert "failed Look at them" in page.words
    failed = see(ada, job_id, "/records?failed=1")
    assert "failed:" in failed.words
    assert ada.submit(page, f"/jobs/{job_id}/dataset/retry").status == 303


def test_records_are_searched_and_paged(factory, ada):
    job_id = factory.make_it(num_records=60)
    (link,) = see(ada, job_id, "/records").all("a", rel="next")
    assert "start=50" in link.get("href")
    assert len(see(ada, job_id, "/records?text=topic+3").all("tr")) == 1 + 6


def test_nothing_found_says_so(factory, ada):
    assert "Nothing found" in see(ada, factory.make_it(), "/records?text=zzzzzz").words


def test_another_format_is_exported_later(factory, ada):
    job_id = factory.make_it()
    reply = ada.submit(see(ada, job_id), f"/jobs/{job_id}/dataset/export", format="csv", partition="")
    factory.run(reply.header("Location").split("/")[2].partition("?")[0])
    files = [each.text for each in see(ada, job_id).all("a") if "/files/" in each.get("href")]
    assert files == ["data.jsonl", "data.csv"]


def test_an_unknown_format_is_refused(factory, ada):
    job_id = factory.make_it()
    assert ada.submit(see(ada, job_id), f"/jobs/{job_id}/dataset/export", format="exe").status == 400


def test_a_draft_waits_for_its_seed_data(factory, ada, people):
    request = factory.request(start=False).model_copy(update={"seed_data_id": None})
    job_id = operations.submit(factory.ports, factory.me, request).job_id
    assert "waits for its seed data" in see(ada, job_id).words


def test_the_list_of_jobs_leads_to_records(factory, ada):
    job_id = factory.make_it()
    links = [each.get("href") for each in ada.get("/jobs?kind=generation").all("a", class_="name")]
    assert links == [f"/jobs/{job_id}/dataset"]


def test_orders_and_records_lead_to_each_other(factory, ada):
    job_id = factory.make_it()
    assert f'href="/jobs/{job_id}"' in see(ada, job_id).html
    assert f'href="/jobs/{job_id}/dataset"' in ada.get(f"/jobs/{job_id}").html


def test_another_organisation_sees_nothing_of_it(factory, people):
    job_id = factory.make_it()
    stranger = signed_in(people, people.stranger)
    stranger.get(f"/jobs/{job_id}/dataset", 404)
    stranger.get(f"/jobs/{job_id}/dataset/records", 404)


def test_a_viewer_looks_and_changes_nothing(factory, people):
    page = see(signed_in(people, people.viewer), factory.make_it())
    assert [each.get("action") for each in page.all("form")] == ["/logout"]


def test_a_wait_is_said_on_the_page(factory, ada):
    job_id = factory.submit(num_records=20)
    factory.orchestrator.look(job_id)
    assert "0 of 20 records made so far. Waits for a free worker." in see(ada, job_id).words


def test_a_used_up_month_is_explained_and_the_job_goes_on_after_it(factory, ada):
    factory.make_it(num_records=20)
    spent = factory.see(factory.make_it(num_records=20)).money.spent
    job_id = factory.submit(num_records=50)
    factory.limit(monthly_budget=spent)
    factory.run(job_id)
    assert "The organisation has no more money this month" in see(ada, job_id).words
    factory.limit(monthly_budget=None)
    assert ada.submit(see(ada, job_id), f"/jobs/{job_id}/dataset/continue").status == 303
    factory.run(job_id)
    assert factory.status(job_id) == "succeeded"


def test_an_export_is_divided_by_a_column(factory, ada):
    job_id = factory.make_it(num_records=20, seeds=3)
    page = see(ada, job_id)
    assert "column:author.name" in [each.get("value") for each in page.all("option")]
    reply = ada.submit(page, f"/jobs/{job_id}/dataset/export", format="csv", partition="column:author.name")
    factory.run(reply.header("Location").split("/")[2].partition("?")[0])
    words = see(ada, job_id).words
    assert all(f"author%2Ename=Author {number}/data.csv" in words for number in range(3))


def test_a_division_that_is_not_offered_is_refused(factory, ada):
    job_id = factory.make_it(num_records=2)
    reply = ada.submit(see(ada, job_id), f"/jobs/{job_id}/dataset/export", format="csv", partition="moon")
    assert reply.status == 400


def test_a_clone_begins_with_all_that_was_chosen(factory, ada):
    job_id = factory.make_it(num_records=17, shuffle=42, budget_limit=2.5, output_format=["csv"])
    page = ada.follow(ada.client.get(f"/jobs/{job_id}/clone"))
    typed = {each.get("name"): each.get("value") for each in page.all("input")}
    assert (typed["records"], typed["budget"], typed["shuffle"]) == ("17", "2.5", "42")


def test_a_draft_gets_its_seed_data_and_is_started(factory, ada):
    job_id = factory.submit(num_records=3, start=False, seed_data_id=None)
    seeds = factory.seeds()
    factory.seeds(lines=["colour", "red"])
    page = see(ada, job_id)
    offered = page.form(f"/jobs/{job_id}/dataset/seeds").findall(".//{*}option")
    assert [each.get("value") for each in offered] == [seeds]
    chosen = ada.follow(ada.submit(page, f"/jobs/{job_id}/dataset/seeds", seeds=seeds))
    ada.submit(chosen, f"/jobs/{job_id}/dataset/continue")
    factory.run(job_id)
    assert factory.status(job_id) == "succeeded"
