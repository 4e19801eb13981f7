"""What calls cost: prices and their table, tokens, and how costs add up."""

import json
from dataclasses import replace
from datetime import date

import pytest

from chalicelib.generation import costs, store
from chalicelib.generation.store import Entry
from chalicelib.llm import Price, UnknownPrice, likely_tokens
from chalicelib.llm.offline import OfflineModel
from chalicelib.llm.prices import SHIPPED, read_prices
from chalicelib.settings import BadSettings
from tests import make
from tests.generating import Factory


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("bedrock/meta.llama3-1-8b-instruct-v1:0", (300_000, 600_000)),
        ("bedrock/mistral.mistral-7b-instruct-v0:2", (150_000, 200_000)),
        ("bedrock/meta.llama3-1-70b-instruct-v1:0", (990_000, 990_000)),
        ("bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0", (3_000_000, 15_000_000)),
        ("offline/large", (3_000_000, 15_000_000)),
        ("offline/anything", (300_000, 600_000)),
        ("offline/large+slow=5", (3_000_000, 15_000_000)),
    ],
)
def test_prices_are_those_of_the_table(model, expected):
    price = read_prices().of(model)
    assert (price.input, price.output) == expected


@pytest.mark.parametrize("model", ["bedrock/unknown", "openai/gpt", "", "offline"])
def test_an_unknown_price_is_refused(model):
    with pytest.raises(UnknownPrice):
        read_prices().of(model)


@pytest.mark.parametrize(("tier", "model"), [(1, "offline/small"), (2, "offline/medium"), (3, "offline/large")])
def test_a_tier_leads_to_a_model_that_can_be_reached(tier, model):
    ports = make.ports()
    assert ports.prices.model_of_tier(tier, ports.llm) == model


def test_bedrock_goes_first_where_it_is_offered():
    class Everything(OfflineModel):
        def offers(self, model):
            return True

    assert read_prices().model_of_tier(2, Everything()).startswith("bedrock/mistral")


def test_a_tier_without_a_model_is_refused():
    with pytest.raises(UnknownPrice):
        read_prices().model_of_tier(4, OfflineModel())


PRICE = Price(model="m/x", name="X", input=3_000_000, output=15_000_000, tier=0, source="test", date="2026-11-20")


@pytest.mark.parametrize(
    ("tokens", "cost"), [((1_000_000, 1_000_000), 18_000_000), ((1, 0), 3), ((0, 0), 0), ((1, 1), 18)]
)
def test_a_call_costs_its_tokens(tokens, cost):
    assert PRICE.cost(*tokens) == cost


def test_parts_of_micro_dollars_are_rounded_up():
    assert replace(PRICE, input=150_000).cost(1, 0) == 1


def entry(**changes):
    told = {"model": "openai/x", "name": "X", "input": 1, "output": 2, "source": "ours", "date": "2026-11-20"}
    return {**told, **changes}


def table(tmp_path, *entries, **changes):
    path = tmp_path / "prices.json"
    data = {"version": "mine", "unit": "micro-dollars per million tokens", "prices": list(entries), **changes}
    path.write_text(json.dumps(data))
    return path


def test_an_operator_brings_a_table(tmp_path):
    ports = make.ports(MILLRACE_PRICES=str(table(tmp_path, entry())))
    assert (ports.prices.version, ports.prices.of("openai/x").output) == ("mine", 2)


def test_a_whole_name_goes_before_a_pattern(tmp_path):
    prices = read_prices(table(tmp_path, entry(model="openai/*", input=9), entry()))
    assert [prices.of(each).input for each in ("openai/x", "openai/y")] == [1, 9]


@pytest.mark.parametrize("change", [{"input": -1}, {"input": 0.5}, {"date": "now"}, {"model": "x"}, {"extra": 1}])
def test_a_table_with_faults_refuses_to_start(tmp_path, change):
    with pytest.raises(BadSettings, match="MILLRACE_PRICES"):
        make.ports(MILLRACE_PRICES=str(table(tmp_path, entry(**change))))


def test_a_table_that_is_not_there_refuses_to_start(tmp_path):
    with pytest.raises(BadSettings, match="cannot be read"):
        make.ports(MILLRACE_PRICES=str(tmp_path / "none.json"))


def test_each_price_that_ships_has_its_source_and_date():
    assert all(each.source and each.date for each in read_prices(SHIPPED).entries)


def test_estimates_take_four_bytes_for_a_token():
    assert [likely_tokens(each) for each in ("", "a", "abcd", "abcde")] == [0, 1, 1, 2]


def test_costs_of_a_step_add_up():
    one = Entry(step_id="a", model="m", calls=1, input_tokens=10, output_tokens=20, cost=5)
    assert one.plus(one) == Entry(step_id="a", model="m", calls=2, input_tokens=20, output_tokens=40, cost=10)


@pytest.fixture(scope="module")
def spent():
    """A job of two steps on models of different prices."""
    factory = Factory()
    return factory, factory.make_it(num_records=30, models={"draft": "offline/large"})


def test_each_call_costs_what_its_own_model_costs(spent):
    factory, job_id = spent
    for step in factory.see(job_id).steps:
        price = factory.ports.prices.of(step.model)
        least = price.cost(step.input_tokens, step.output_tokens)
        # Each call is rounded up by itself.
        assert least <= step.cost <= least + step.calls


def test_a_job_costs_the_sum_of_its_records_its_steps_and_its_lines(spent):
    factory, job_id = spent
    total = factory.see(job_id).money.spent
    assert total == sum(each.cost for each in factory.records(job_id))
    assert total == sum(each.cost for each in factory.see(job_id).steps)
    assert total == sum(line["cost"] for line in store.lines(factory.ports.documents, job_id))


@pytest.mark.parametrize("by", ["day", "model", "template", "member"])
def test_costs_are_the_same_however_they_are_told(spent, by):
    factory, job_id = spent
    day = date(2026, 11, 20)
    rows = costs.summary(factory.ports, factory.me, since=day, until=day, by=by)
    assert sum(each.cost for each in rows) == factory.see(job_id).money.spent
    assert len(rows) == (2 if by == "model" else 1)
