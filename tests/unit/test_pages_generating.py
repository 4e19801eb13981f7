"""Putting a generation together in a browser."""

from urllib.parse import urlencode

import pytest

from frontend.views import wizard
from tests.generating import Factory
from tests.pages import signed_in


@pytest.fixture
def ada(people):
    return signed_in(people, people.owner)


@pytest.fixture
def factory(ports, people):
    return Factory(ports, people.caller(people.owner))


@pytest.fixture
def chosen(factory):
    """A template of two steps and ten seeds, as an address carries them."""
    return {"template": factory.template(), "seeds": factory.seeds(10)}


def at(chosen, **more):
    return f"/generate?{urlencode({**chosen, **more}, doseq=True)}"


def test_it_begins_with_a_template(ada, chosen):
    page = ada.get("/generate")
    assert page.title.startswith("Template")
    assert "Reviews" in page.words


def test_then_seed_data_is_chosen_that_which_lacks_something_last(ada, factory, chosen):
    factory.seeds(lines=["colour", "red"])
    page = ada.get(f"/generate?template={chosen['template']}")
    choices = [each.get("value") for each in page.all("input", name="seeds")]
    assert choices[0] == chosen["seeds"]
    assert "has no author.name, topic" in page.words or "has no topic, author.name" in page.words


def test_size_and_budget_are_suggested_from_the_seed_data_and_the_estimate(ada, chosen):
    page = ada.get(at(chosen))
    assert [each.get("value") for each in page.all("input", name="records")] == ["10"]
    (budget,) = page.all("input", name="budget")
    assert float(budget.get("value")) > 0


def test_the_estimate_follows_what_is_typed(ada, chosen):
    few, many = (ada.get(at(chosen, records=number, budget="0.1")) for number in (10, 10_000))
    assert "Enough" in few.words
    assert "It will probably stop after about" in many.words


def test_a_budget_below_one_record_is_told(ada, chosen):
    assert "one record may need" in ada.get(at(chosen, budget="0.000001")).words


@pytest.mark.parametrize("wrong", [{"records": "many"}, {"budget": "-1"}, {"budget": "lots"}, {"records": "0"}])
def test_what_cannot_be_is_told_where_the_estimate_would_be(ada, chosen, wrong):
    page = ada.get(at(chosen, **wrong))
    assert page.title.startswith("Size and budget")
    assert page.all("p", class_="fault")


def test_going_back_keeps_what_was_typed(ada, chosen):
    page = ada.get(at(chosen, records="77", budget="2", format=["csv", "parquet"], stage="4"))
    back = [each.get("href") for each in page.all("a") if "records=77" in (each.get("href") or "")]
    again = ada.get(back[-1])
    ticked = [each.get("value") for each in again.all("input", name="format") if each.get("checked") is not None]
    assert ticked == ["csv", "parquet"]


def test_three_records_are_made_before_the_whole_is_paid_for(ada, chosen):
    page = ada.get(at(chosen, budget="1", stage="4"))
    reply = ada.submit(page, "/generate/preview")
    assert reply.text.count('<article class="record"') == 3
    assert "Answer of draft" in reply.text


def test_the_preview_uses_the_models_that_were_chosen(ada, chosen):
    page = ada.get(at(chosen, budget="1", stage="4", **{"model-draft": "offline/large"}))
    assert "offline/large ·" in ada.submit(page, "/generate/preview").text


def test_a_submitted_generation_leads_to_its_page(ada, chosen):
    page = ada.get(at(chosen, records="12", budget="1", stage="4", name="Twelve"))
    dataset = ada.follow(ada.submit(page, "/generate"))
    assert dataset.title.startswith("Queued: Twelve")


def test_a_tier_becomes_a_model_of_it(ada, chosen):
    page = ada.get(at(chosen, budget="1", stage="4", **{"model-draft": "tier:2", "model-short": "tier:3"}))
    dataset = ada.follow(ada.submit(page, "/generate"))
    assert "offline/medium" in dataset.words
    assert "offline/large" in dataset.words


def test_seed_data_that_does_not_fit_is_refused_with_what_it_lacks(ada, factory, chosen):
    other = factory.seeds(lines=["colour", "red"])
    page = ada.get(at({**chosen, "seeds": other}, stage="4"))
    assert page.title.startswith("Size and budget")
    assert "has no field for" in page.words


def test_another_organisations_template_is_not_found(people, chosen):
    signed_in(people, people.stranger).get(at(chosen), 404)


def test_a_viewer_is_told_that_they_may_only_look(people):
    signed_in(people, people.viewer).get("/generate", 403)


def test_choices_come_back_from_their_address():
    choices = wizard.Choices(template="t", records="5", formats=("csv", "chat-jsonl"), models={"draft": "tier:2"})
    query = {name: [str(value)] for name, value in choices.query().items()}
    assert wizard.read_choices(query) == choices


def test_formats_that_are_none_are_left_out():
    assert wizard.read_choices({"format": ["exe", "csv"]}).formats == ("csv",)
    assert wizard.read_choices({"format": ["exe"]}).formats == ("jsonl",)


def test_a_draft_is_saved_and_not_started(ada, factory, chosen):
    page = ada.get(at(chosen, records=5, budget="1", stage=4))
    reply = ada.submit(page, "/generate", start="0")
    assert factory.see(reply.header("Location").split("/")[2]).is_draft


def test_a_random_seed_shuffles(ada, factory, chosen):
    page = ada.get(at(chosen, records=5, budget="1", shuffle="42", stage=4))
    reply = ada.submit(page, "/generate")
    assert factory.see(reply.header("Location").split("/")[2]).plan.shuffle == 42


def test_a_random_seed_is_a_number(ada, chosen):
    assert "shuffle" in ada.get(at(chosen, records=5, budget="1", shuffle="often")).words
