"""Every page in light and dark, wide and on a phone: nothing that axe finds, nothing that scrolls sideways."""

import pytest
from playwright.sync_api import expect

from tests.e2e.test_generation import begin, write_template

JOB = """\
name: a release with a name long enough to need a second line on the screen of a phone
orders:
  - {order_name: fetch, cmds: ["echo fetched > source.txt"], timeout: 20, outputs: [source.txt]}
  - {order_name: lint, cmds: [exit 3], timeout: 20, must_succeed: false, dependencies: [fetch]}
  - order_name: integration-tests-of-all
    cmds: ["printf '%0300d' 1; exit 1"]
    timeout: 20
    dependencies: [fetch]
  - {order_name: ship, cmds: [echo shipped], timeout: 20, dependencies: [integration-tests-of-all, lint]}
"""
RUNNING = """\
name: running
orders:
  - {order_name: wait, cmds: [sleep 60], timeout: 90}
  - {cmds: [date], timeout: 9, dependencies: [wait]}
"""
FAN = """\
name: fan
max_parallel: 50
orders:
  - {order_name: split, cmds: ["true"], timeout: 20}
""" + "".join(f"  - {{order_name: part-{n}, cmds: ['true'], timeout: 20, dependencies: [split]}}\n" for n in range(30))
OUTSIDE = ["/", "/signup", "/login?next=/jobs", "/nowhere"]
SIZES = {"wide": {"width": 1600, "height": 900}, "phone": {"width": 360, "height": 740}}


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=sorted(SIZES))
def viewer(request, scheme, visit):
    return visit(color_scheme=scheme, viewport=SIZES[request.param])


def look_at(viewer, address):
    viewer.page.goto(address)
    expect(viewer.page.get_by_role("main")).to_be_visible()
    return [(address, flaw) for flaw in viewer.flaws()] + ([(address, "sideways")] if viewer.sideways() else [])


def test_pages_outside(viewer):
    assert [flaw for address in OUTSIDE for flaw in look_at(viewer, address)] == []


def test_pages_inside(viewer):
    viewer.sign_up()
    addresses = ["/jobs", "/jobs/new", "/account", "/jobs?text=nothing", "/jobs/nowhere"]
    found = [flaw for address in addresses for flaw in look_at(viewer, address)]
    viewer.submit("name: x\norders:\n  - cmds: [date]\n")
    assert found + viewer.flaws() == []


def save_draft(viewer, address):
    viewer.page.goto(address)
    viewer.page.get_by_role("button", name="Save as a draft").click()
    viewer.sees_state("Draft")
    return viewer.page.url


def have_scored(viewer, dataset):
    viewer.page.goto(dataset)
    viewer.page.get_by_text("Have a model score a sample").click()
    viewer.page.get_by_role("button", name="Score them").click()
    viewer.sees_state("Succeeded")


def test_pages_of_generation(viewer):
    viewer.sign_up()
    template = write_template(viewer)
    dataset = begin(viewer, template, records=6, budget="1")
    viewer.sees_state("Succeeded")
    seeds = viewer.page.get_by_role("link", name="6 records").get_attribute("href")
    wizard = f"/generate?template={template.rpartition('/')[2]}"
    chosen = f"{wizard}&seeds={seeds.rpartition('/')[2]}"
    lists = ["/templates", "/seeds", "/generate", "/batches", "/costs", "/seeds/new", "/batches/new", "/templates/new"]
    parts = [template, *(template + each for each in ("/edit", "/versions", "/test")), "/templates/import", seeds]
    draft = save_draft(viewer, f"{chosen}&stage=4")
    have_scored(viewer, dataset)
    ways = [wizard, chosen, f"{chosen}&stage=4", draft]
    addresses = [*lists, *parts, *ways, dataset, f"{dataset}/records", "/jobs"]
    assert [flaw for address in addresses for flaw in look_at(viewer, address)] == []


def test_pages_of_jobs(viewer):
    viewer.sign_up()
    job = viewer.submit(JOB)
    viewer.sees_state("Failed")
    rest = ["", "/orders/1", "/orders/3", "/orders/4", "/retry", "/clone", "/history"]
    running, fan = viewer.submit(RUNNING), viewer.submit(FAN)
    addresses = ["/jobs", *(job + each for each in rest), running, f"{running}/orders/1", f"{running}/orders/2", fan]
    assert [flaw for address in addresses for flaw in look_at(viewer, address)] == []
