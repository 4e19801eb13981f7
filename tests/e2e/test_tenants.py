"""An organisation of one's own: parked and woken, divided, told about, and looked at from above."""

import re

import pytest
from playwright.sync_api import expect

WHY = "Closed over the summer"
CHAIN = """\
name: chain
orders:
  - {order_name: first, cmds: [sleep 4], timeout: 30}
  - {order_name: second, cmds: [echo done], timeout: 30, dependencies: [first]}
"""
PAGES = [
    "/organisation",
    "/structure",
    "/limits",
    "/channels",
    "/webhook",
    "/audit",
    "/notifications",
    "/members",
    "/account",
]
SIZES = {"wide": {"width": 1600, "height": 900}, "phone": {"width": 360, "height": 740}}


@pytest.fixture(autouse=True)
def nothing_to_complain_about(ada):
    yield
    assert ada.complaints == []


def park(ada):
    ada.page.goto("/organisation")
    ada.page.get_by_label("Why").fill(WHY)
    ada.page.get_by_role("button", name="Park").click()
    expect(ada.page.get_by_text("The organisation is parked")).to_be_visible()


def test_a_job_waits_while_the_organisation_is_parked(ada):
    page = ada.page
    job = ada.submit(CHAIN)
    ada.sees_state("Running")
    park(ada)
    page.goto(f"{job}/orders/1")
    expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=20_000)
    page.goto(f"{job}/orders/2")
    expect(page.get_by_text("waits: the organisation is parked").first).to_be_visible()
    page.goto("/organisation")
    page.get_by_role("button", name="Unpark").click()
    page.goto(job)
    ada.sees_state("Succeeded")


def test_a_parked_organisation_shows_no_way_to_a_new_job_and_refuses_it(ada):
    park(ada)
    ada.page.goto("/jobs")
    expect(ada.page.get_by_role("link", name="New job")).to_have_count(0)
    expect(ada.page.get_by_text("you can look, and nothing is changed")).to_be_visible()
    assert ada.page.goto("/jobs/new").status == 403


def test_a_division_and_what_the_audit_tells_of_it(ada):
    page = ada.page
    page.goto("/structure")
    page.get_by_label("New division").fill("Europe")
    page.get_by_role("button", name="Add the division").click()
    expect(page.get_by_text("The unit is made")).to_be_visible()
    page.goto("/audit?action=unit.create")
    expect(page.get_by_text("Europe").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    assert "unit.create" in download.value.path().read_text()


def test_mail_about_one_s_own_jobs(ada, product):
    page = ada.page
    page.goto("/notifications")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("You are told there from now on")).to_be_visible()
    ada.submit("name: told\norders:\n  - {cmds: [date], timeout: 20}\n")
    ada.sees_state("Succeeded")
    page.goto("/notifications")
    page.get_by_role("link", name=ada.email).last.click()
    log = page.url
    for _ in range(20):
        if page.get_by_text("Delivered").count():
            break
        page.wait_for_timeout(300)
        page.goto(log)
    expect(page.get_by_text("Delivered")).to_be_visible()


@pytest.fixture
def platform(ada, product):
    """Ada, who runs the platform too."""
    product.make_platform_admin(ada.email)
    return ada


def test_the_platform_suspends_and_limits_an_organisation(platform, visit):
    other = visit().sign_up()
    page = platform.page
    page.goto("/platform")
    page.get_by_label("Name begins with").fill(f"Team {other.email.split('@')[0]}")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=re.compile("^Team")).click()
    page.get_by_label("Why").fill("The invoice is not paid")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_text("The organisation is suspended")).to_be_visible()
    other.page.goto("/jobs")
    expect(other.page.get_by_text("suspended").first).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("link", name="Limits").last.click()
    page.get_by_label("Orders in flight").last.fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The limits are changed")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", sorted(SIZES))
def test_no_flaw_on_any_of_these_pages(visit, product, scheme, size):
    viewer = visit(color_scheme=scheme, viewport=SIZES[size]).sign_up()
    viewer.page.goto("/structure")
    viewer.page.get_by_label("New division").fill("A division with a name that is rather long for a phone")
    viewer.page.get_by_role("button", name="Add the division").click()
    product.make_platform_admin(viewer.email)
    viewer.page.goto("/platform")
    one = viewer.page.get_by_role("link", name=re.compile("^Team")).first.get_attribute("href")
    found = []
    for address in [*PAGES, "/platform", one, f"{one}/limits"]:
        viewer.page.goto(address)
        found += [(address, flaw) for flaw in viewer.flaws()]
        found += [(address, "sideways")] if viewer.sideways() else []
    assert found == []
