"""Batches and costs in a browser."""

import pytest

from tests.generating import ONE_STEP, Factory
from tests.pages import signed_in


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def factory(ports, people):
    return Factory(ports, people.caller(people.owner))


@pytest.fixture
def form(factory):
    base = {"name": "Which model", "template": factory.template(ONE_STEP), "seeds": factory.seeds(5), "records": "5"}
    return {**base, "budget": "1", "sweep_key": "model_tier", "values-model_tier": ["1", "2"]}


def submit(browser, form, **changes):
    return browser.submit(browser.get("/batches/new"), "/batches/new", **{**form, **changes})


def run(factory, page):
    for link in page.all("a", class_="name"):
        factory.run(link.get("href").split("/")[2])


def test_none_yet_says_what_they_are_for(ada):
    assert "No batches yet" in ada.get("/batches").words


def test_models_are_compared_in_a_table_and_a_picture(factory, ada, form):
    address = submit(ada, form).header("Location")
    run(factory, ada.get(address))
    page = ada.get(address)
    assert "1 Succeeded 5 of 5" in page.words
    assert len(next(each for each in page.root.iter() if each.get("class") == "chart").findall("*")) == 2


def test_a_batch_is_listed(ada, form):
    submit(ada, form)
    assert "Which model Model tier 2" in ada.get("/batches").words


@pytest.mark.parametrize(
    ("key", "typed", "rows"),
    [("num_records", "2, 4 8", ["2", "4", "8"]), ("template_version", "1", ["1"])],
)
def test_numbers_are_typed_with_commas_or_spaces(ada, form, key, typed, rows):
    page = ada.follow(submit(ada, form, sweep_key=key, **{f"values-{key}": typed}))
    assert [each.text for each in page.all("a", class_="name")] == rows


def test_seed_data_is_called_by_its_name(factory, ada, form):
    other = factory.seeds(3)
    both = [form["seeds"], other]
    page = ada.follow(submit(ada, form, sweep_key="seed_data_id", **{"values-seed_data_id": both}))
    assert page.words.count("seeds.csv") >= 2 or page.words.count("seeds") >= 2


@pytest.mark.parametrize(
    "wrong", [{"values-model_tier": []}, {"budget": "none"}, {"budget": "0.0000001"}, {"name": ""}, {"template": ""}]
)
def test_faults_are_told_and_what_was_typed_is_kept(ada, form, wrong):
    reply = submit(ada, form, **wrong)
    assert reply.status == 400
    assert 'value="5"' in reply.text


def test_another_organisations_batch_is_not_found(ada, form, people):
    address = submit(ada, form).header("Location")
    signed_in(people, people.stranger).get(address, 404)


def test_a_viewer_submits_none(people):
    signed_in(people, people.viewer).get("/batches/new", 403)


def test_costs_are_shown_by_day_model_template_and_member(factory, ada):
    factory.make_it(num_records=20)
    page = ada.get("/costs")
    assert all(word in page.words for word in ("offline/small", "Reviews", "ada@engines.example", "2026-11-20"))
    assert "Records made 20" in page.words


def test_days_without_costs_say_so(ada):
    assert "Nothing was spent" in ada.get("/costs?since=2020-01-01&until=2020-02-01").words


@pytest.mark.parametrize("span", ["since=x&until=y", "since=1800-01-01", "since=2030-01-01&until=2020-01-01"])
def test_days_that_cannot_be_are_replaced(ada, span):
    assert ada.get(f"/costs?{span}").title.startswith("Costs")


def test_costs_are_taken_away_as_csv(factory, ada):
    factory.make_it(num_records=20)
    reply = ada.client.get("/costs/csv?by=model")
    assert reply.header("Content-Type") == "text/csv; charset=utf-8"
    assert "offline/small,20," in reply.text


def test_an_unknown_sum_of_costs_is_not_found(ada):
    ada.get("/costs/csv?by=weather", 404)
