import os
import uuid
from pathlib import Path

import pytest

from tests.e2e.visitor import Visitor
from tests.product import running

DEBIAN_CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    """The product as `millrace serve` starts it, once for all tests: each test is a tenant of its own."""
    with running(tmp_path_factory.mktemp("product") / "data") as product:
        yield product


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Debian's Chromium where it is installed (Playwright's own elsewhere); its sandbox does not start as root."""
    found = {"executable_path": str(DEBIAN_CHROMIUM)} if DEBIAN_CHROMIUM.exists() else {}
    return {**browser_type_launch_args, **found, "chromium_sandbox": os.geteuid() != 0}


@pytest.fixture
def visit(product, new_context):
    """A person of an organisation of their own, with a browser of their own."""

    def visit(**options):
        page = new_context(base_url=product.url, **options).new_page()
        return Visitor(page, f"{uuid.uuid4().hex[:12]}@e2e.example")

    return visit


@pytest.fixture
def ada(visit):
    return visit().sign_up()
