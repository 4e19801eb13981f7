"""The main way once more in the other engines, where Playwright's builds of them are installed."""

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.test_generation import begin, write_template
from tests.e2e.visitor import Visitor


@pytest.fixture(params=["firefox", "webkit"])
def page(request, playwright, product):
    engine = getattr(playwright, request.param)
    if not Path(engine.executable_path).exists():
        pytest.skip(
            f"Playwright drives its own {request.param} only, which `playwright install {request.param}` brings"
        )
    browser = engine.launch()
    yield browser.new_page(base_url=product.url)
    browser.close()


def test_a_template_becomes_a_dataset(page):
    visitor = Visitor(page, f"{uuid.uuid4().hex[:12]}@e2e.example").sign_up()
    begin(visitor, write_template(visitor), records=12, budget="1")
    visitor.sees_state("Succeeded")
    expect(page.get_by_text("12 of 12 records made")).to_be_visible()
    assert visitor.complaints == []
