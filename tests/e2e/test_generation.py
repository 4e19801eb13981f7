"""A data engineer's way: template, seed data, budget, watching, and the file in the end."""

import csv
import io
import json
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.homes import on_both_homes

PROMPT = "Write a short review of {{ product }} by a customer who is {{ mood }}."
SEEDS = "product,mood\n" + "".join(
    f"{thing},{mood}\n" for thing in ("a lamp", "a chair") for mood in ("glad", "angry", "calm")
)
SLOW = "offline/small+slow=400"


@pytest.fixture(autouse=True)
def nothing_to_complain_about(ada):
    yield
    assert ada.complaints == []


def write_template(visitor, *, name="Reviews", prompt=PROMPT, model=""):
    """As a user writes one; its address."""
    page = visitor.page
    page.goto("/templates/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Prompt", exact=True).fill(prompt)
    if model:
        return import_template(visitor, name, prompt, model)
    page.get_by_role("button", name="Save the template").click()
    expect(page.get_by_text("The template is saved.")).to_be_visible()
    return address(page)


def import_template(visitor, name, prompt, model):
    """A model that no list offers is named in YAML."""
    step = {"id": "review", "prompt": prompt, "model": model, "max_tokens": 200}
    visitor.page.goto("/templates/import")
    visitor.page.get_by_label("Or its text").fill(json.dumps({"name": name, "steps": [step]}))
    visitor.page.get_by_role("button", name="Import").click()
    expect(visitor.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    return address(visitor.page)


def address(page):
    return re.sub(r"^\w+://[^/]+|\?.*$", "", page.url)


def upload_seeds(visitor, text=SEEDS, name="seeds.csv"):
    page = visitor.page
    page.set_input_files("input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": text.encode()})


def begin(visitor, template, *, records, budget, seeds=SEEDS):
    """Through the wizard up to the job's page; its address."""
    page = visitor.page
    page.goto(template)
    page.get_by_role("link", name="Generate with it").click()
    upload_seeds(visitor, seeds)
    expect(page.get_by_label("Records to make")).to_be_visible()
    page.get_by_label("Records to make").fill(str(records))
    page.get_by_label("Budget, in dollars").fill(budget)
    page.get_by_role("button", name="Next: preview").click()
    page.get_by_role("button", name=re.compile("^Submit")).click()
    expect(page.get_by_role("heading", name="Money")).to_be_visible()
    return address(page)


def test_the_first_ten_records_take_a_few_clicks_from_signing_up(ada):
    page = ada.page
    page.get_by_role("link", name="Templates").click()
    page.get_by_role("link", name=re.compile("^Generate with")).first.click()
    page.get_by_role("button", name="Make up seed data").click()
    page.get_by_role("button", name="Next: preview").click()
    page.get_by_role("button", name="Preview three records").click()
    expect(page.get_by_role("heading", name="Record 3")).to_be_visible()
    page.get_by_role("button", name="Submit: make 10 records").click()
    ada.sees_state("Succeeded")
    expect(page.get_by_text("10 of 10 records made")).to_be_visible()


@on_both_homes
def test_from_a_template_and_a_csv_to_a_file_that_holds_what_was_asked(ada):
    template = write_template(ada)
    begin(ada, template, records=12, budget="1")
    ada.sees_state("Succeeded")
    with ada.page.expect_download() as download:
        ada.page.get_by_role("link", name=re.compile(r"\.jsonl$")).click()
    records = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert len({record["_id"] for record in records}) == 12
    wanted = list(csv.DictReader(io.StringIO(SEEDS))) * 2
    assert [{name: record[name] for name in ("product", "mood")} for record in records] == wanted
    assert all(record["review"] and record["_cost"] > 0 for record in records)


def test_progress_and_money_are_watched_without_reloading(ada):
    begin(ada, write_template(ada, model=SLOW), records=160, budget="1")
    expect(ada.page.locator("#dataset .pill")).to_have_text("Running")
    expect(ada.page.get_by_text(re.compile(r"\d+ made"))).to_be_visible(timeout=15_000)
    expect(ada.page.get_by_text(re.compile("records a (second|minute)"))).to_be_visible(timeout=15_000)
    expect(ada.page.locator("#dataset .pill")).to_have_text("Succeeded", timeout=30_000)


def test_a_template_is_tried_while_it_is_written_and_before_it_is_paid_for(ada):
    page = ada.page
    page.goto("/templates/new")
    page.get_by_label("Name", exact=True).fill("Portraits")
    page.get_by_label("Prompt", exact=True).fill("Describe {{ person.name }} of {{ city }}.")
    preview = page.locator("#preview")
    expect(preview.locator("li", has_text="person.name")).to_be_visible()
    page.get_by_label("A seed record to try it with").fill('{"city": "Lyon", "person": {"name": "Ada"}}')
    expect(preview.get_by_text("Describe Ada of Lyon.")).to_be_visible()
    page.get_by_role("button", name="Save the template").click()
    page.get_by_role("link", name="Test", exact=True).click()
    page.get_by_role("button", name="Ask the models").click()
    expect(page.get_by_text("The model answers:")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^cost \$0\.0"))).to_be_visible()


def test_versions_are_compared_and_restored(ada):
    page, path = ada.page, write_template(ada)
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Prompt", exact=True).fill(PROMPT.replace("short", "long"))
    page.get_by_role("button", name="Save as a new version").click()
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("button", name="Compare the two chosen").click()
    expect(page.locator("del")).to_have_text("short")
    expect(page.locator("ins")).to_have_text("long")
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Restored as a new version.")).to_be_visible()
    assert address(page) == path


def test_a_budget_that_is_reached_stops_the_job_and_can_be_raised(ada):
    begin(ada, write_template(ada), records=100, budget="0.003")
    ada.sees_state("Budget exceeded")
    page = ada.page
    expect(page.get_by_role("heading", name="The budget is used up")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"\.jsonl$"))).to_be_visible(timeout=10_000)
    page.get_by_label("New budget for the whole job").fill("1")
    page.get_by_role("button", name="Raise it and go on").click()
    ada.sees_state("Succeeded")
    expect(page.get_by_text("100 of 100 records made")).to_be_visible()


def test_jobs_are_filtered_cancelled_and_deleted(ada):
    page = ada.page
    begin(ada, write_template(ada), records=6, budget="1")
    ada.sees_state("Succeeded")
    slow = begin(ada, write_template(ada, name="Slow reviews", model=SLOW), records=1600, budget="1")
    page.goto("/jobs?kind=generation&status=running")
    expect(page.get_by_role("link", name="Slow reviews")).to_be_visible()
    expect(page.get_by_role("link", name="Reviews", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Slow reviews").click()
    assert address(page) == slow
    page.get_by_role("button", name="Cancel").click()
    ada.sees_state("Cancelled")
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The job is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Slow reviews")).to_have_count(0)


def test_a_job_pauses_and_goes_on(ada):
    begin(ada, write_template(ada, model=SLOW), records=160, budget="1")
    ada.page.get_by_role("button", name="Pause").click()
    ada.sees_state("Paused")
    ada.page.get_by_role("button", name="Resume").click()
    ada.sees_state("Succeeded")


def test_records_are_searched(ada):
    begin(ada, write_template(ada), records=6, budget="1")
    ada.sees_state("Succeeded")
    ada.page.get_by_role("link", name="Browse and search them all").click()
    ada.page.get_by_label("Any text in a record").fill("a chair")
    ada.page.get_by_role("button", name="Show").click()
    expect(ada.page.locator("tbody tr")).to_have_count(3)


def test_seed_data_with_faults_tells_their_lines(ada):
    ada.page.goto("/seeds/new")
    upload_seeds(ada, "a,b\n1,2\n3\n")
    expect(ada.page.get_by_text(re.compile("line 3", re.IGNORECASE))).to_be_visible()


def test_a_file_is_dropped_onto_the_page(ada):
    ada.page.goto("/seeds/new")
    dropped = ada.page.evaluate_handle(
        """text => { const data = new DataTransfer();
                     data.items.add(new File([text], "dropped.csv", {type: "text/csv"})); return data; }""",
        SEEDS,
    )
    ada.page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})
    expect(ada.page.get_by_role("heading", name=re.compile("dropped"))).to_be_visible()
    expect(ada.page.locator("tbody tr")).to_have_count(6)


def test_a_batch_compares_models(ada):
    page = ada.page
    write_template(ada)
    page.goto("/seeds/new")
    upload_seeds(ada)
    expect(page.locator("tbody tr")).to_have_count(6)
    page.goto("/batches/new")
    page.get_by_label("Name").fill("Which is good enough")
    page.get_by_label("Template", exact=True).select_option(label="Reviews")
    page.locator("#seeds").select_option(index=1)
    page.get_by_role("button", name="Submit the batch").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody").get_by_text("Succeeded")).to_have_count(2, timeout=20_000)
    page.goto("/costs")
    expect(page.get_by_role("heading", name="By model")).to_be_visible()
    expect(page.get_by_role("cell", name="offline/medium")).to_be_visible()


def test_all_of_it_works_without_scripts(visit):
    plain = visit(java_script_enabled=False).sign_up()
    page = plain.page
    write_template(plain)
    page.get_by_role("link", name="Generate with it").click()
    upload_seeds(plain)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("button", name="Next: preview").click()
    page.get_by_role("button", name=re.compile("^Submit")).click()
    plain.sees_state("Succeeded")
