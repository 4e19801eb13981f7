import os
import uuid
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.e2e.visitor import Visitor
from tests.product import running, running_on_aws

DEBIAN_CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def homes(tmp_path_factory):
    """The product by the name of its home, as `millrace serve` starts it: when first asked for, once for all tests."""
    starts = {"local": running, "aws": running_on_aws}
    with ExitStack() as stack:
        yield cache(lambda home: stack.enter_context(starts[home](tmp_path_factory.mktemp(home) / "data")))


@pytest.fixture
def product(homes, request):
    """At home, unless a test is for both homes. Each test is a tenant of its own."""
    return homes(getattr(request, "param", "local"))


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
