"""The data engineer's way in a second browser engine."""

import csv
import io
import json
import uuid
from contextlib import closing

import pytest

from tests.e2e.firefox import EXECUTABLE, Firefox
from tests.e2e.test_generation import PROMPT, SEEDS
from tests.e2e.visitor import PASSWORD

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="no Firefox is installed")


@pytest.fixture
def ada(product, tmp_path):
    with closing(Firefox(product.url, tmp_path)) as firefox:
        firefox.goto("/signup")
        name = uuid.uuid4().hex[:12]
        firefox.fill("E-mail address", f"{name}@e2e.example")
        firefox.fill("Password", PASSWORD)
        firefox.fill("Organisation", f"Team {name}")
        firefox.click("Sign up")
        firefox.sees("Jobs")
        yield firefox


def write_template(firefox):
    firefox.goto("/templates/new")
    firefox.fill("Name", "Reviews")
    firefox.fill("Prompt", PROMPT)
    firefox.click("Save the template")
    firefox.sees("The template is saved.")


def begin(firefox, folder, *, records, budget):
    """Through the wizard up to the job's page."""
    file = folder / "seeds.csv"
    file.write_text(SEEDS)
    firefox.click("Generate with it")
    firefox.choose_file("A file", file)
    firefox.fill("Records to make", str(records))
    firefox.fill("Budget, in dollars", budget)
    firefox.click("Next: preview")
    firefox.click(f"Submit: make {records} records")
    firefox.sees("Money")


def test_from_signing_up_to_a_file_that_holds_what_was_asked(ada, tmp_path):
    write_template(ada)
    begin(ada, tmp_path, records=12, budget="1")
    ada.sees("12 of 12 records made")
    ada.click("data.jsonl")
    records = [json.loads(line) for line in ada.downloaded("data.jsonl").splitlines()]
    wanted = list(csv.DictReader(io.StringIO(SEEDS))) * 2
    assert [{name: record[name] for name in ("product", "mood")} for record in records] == wanted


def test_a_used_up_budget_is_shown_and_raised(ada, tmp_path):
    write_template(ada)
    begin(ada, tmp_path, records=100, budget="0.003")
    ada.sees("The budget is used up")
    ada.fill("New budget for the whole job", "1")
    ada.click("Raise it and go on")
    ada.sees("100 of 100 records made")


def test_a_template_is_tried_before_it_is_paid_for(ada):
    write_template(ada)
    ada.click("Test")
    ada.click("Ask the models")
    ada.sees("The model answers:")
