"""What people come for, by clicking."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.homes import on_both_homes

HELLO = "name: hello\norders:\n  - {order_name: greet, cmds: [echo Hello], timeout: 20}\n"
SLOW = """\
name: slow
orders:
  - order_name: count
    cmds: ["for i in $(seq 1 600); do echo line $i; sleep 0.1; done"]
    timeout: 120
"""
FRAGILE = """\
name: fragile
orders:
  - {order_name: build, cmds: [echo built], timeout: 20}
  - {order_name: test, cmds: ["test -e /tmp/no/such/file"], timeout: 20, dependencies: [build]}
"""
TOLERANT = """\
name: tolerant
orders:
  - {order_name: lint, cmds: [exit 3], timeout: 20, must_succeed: false}
  - {order_name: build, cmds: [echo built], timeout: 20, dependencies: [lint]}
"""
FAULTY = """\
name: faulty
orders:
  - order_name: build
    cmds: [make]
    timeout: soon
  - order_name: test
    cmds: [make test]
    timeout: 60
    colour: red
"""


@pytest.fixture(autouse=True)
def nothing_to_complain_about(ada):
    yield
    assert ada.complaints == []


@on_both_homes
def test_from_sign_up_to_a_finished_job_and_its_file(ada):
    page = ada.page
    page.get_by_role("button", name="Run this example").click()
    ada.sees_state("Succeeded")
    expect(page.get_by_role("status")).to_have_text("hello: Succeeded")
    with page.expect_download() as download:
        page.get_by_role("link", name="report.txt").click()
    assert "20" in download.value.path().read_text()


def test_a_running_jobs_page_follows_it_to_its_end_by_itself(ada):
    ada.submit(HELLO.replace("echo Hello", "sleep 2"))
    expect(ada.page.locator("#job .pill")).to_have_text("Running")
    icon = ada.page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", re.compile("favicon-run"))
    expect(ada.page.locator("#job .pill")).to_have_text("Succeeded", timeout=10_000)
    expect(icon).to_have_attribute("href", re.compile("favicon-ok"))


def test_a_page_that_has_ended_asks_no_more(ada):
    ada.submit(HELLO)
    ada.sees_state("Succeeded")
    asked = []
    ada.page.on("request", lambda request: asked.append(request.url))
    ada.page.wait_for_timeout(2500)
    assert asked == []


def test_refreshing_keeps_what_the_reader_opened_and_where_they_were(ada):
    ada.page.set_viewport_size({"width": 900, "height": 500})
    ada.submit(SLOW)
    link = ada.page.locator("td").get_by_role("link", name="count")
    link.focus()
    ada.page.evaluate("window.scrollTo(0, 300)")
    with ada.page.expect_response(lambda response: "hx-request" in response.request.headers):
        pass
    ada.page.wait_for_timeout(300)
    expect(link).to_be_focused()
    assert ada.page.evaluate("window.scrollY") == 300


@on_both_homes
def test_a_live_log_grows_while_one_reads_and_can_be_searched_whole(ada):
    job = ada.submit(SLOW)
    ada.page.goto(f"{job}/orders/1")
    log = ada.page.locator("#log")
    expect(log).to_contain_text("line 5")
    expect(log).to_contain_text("line 15", timeout=10_000)
    assert log.inner_text().startswith("line 1\nline 2\n")


def test_an_orders_page_shows_what_it_left_once_it_has_ended(ada):
    job = ada.submit(HELLO.replace("cmds: [echo Hello]", "outputs: [a.txt], cmds: [sleep 2, date > a.txt]"))
    ada.page.goto(f"{job}/orders/1")
    expect(ada.page.get_by_text("Running for")).to_be_visible()
    expect(ada.page.get_by_role("link", name="a.txt")).to_be_visible(timeout=10_000)
    expect(ada.page.get_by_text("It wrote nothing.")).to_be_visible()


def test_following_stops_where_the_reader_scrolls_up(ada):
    job = ada.submit(SLOW.replace("sleep 0.1", "sleep 0.01"))
    ada.page.goto(f"{job}/orders/1")
    log, follow = ada.page.locator("#log"), ada.page.get_by_label("Follow")
    expect(log).to_contain_text("line 120", timeout=10_000)
    expect(follow).to_be_checked()
    log.evaluate("log => { log.scrollTop = 0 }")
    expect(follow).not_to_be_checked()
    expect(log).to_contain_text("line 400", timeout=10_000)
    assert log.evaluate("log => log.scrollTop") == 0


@on_both_homes
def test_a_running_job_is_cancelled(ada):
    ada.submit(SLOW)
    expect(ada.page.locator("td").get_by_text("Running")).to_be_visible()
    ada.page.get_by_role("button", name="Cancel").click()
    ada.sees_state("Cancelled")
    expect(ada.page.get_by_text(f"as {ada.email} asked")).to_be_visible()


@on_both_homes
def test_a_failed_job_leads_to_its_log_and_is_retried(ada):
    ada.submit(FRAGILE)
    ada.sees_state("Failed")
    ada.page.get_by_role("link", name="Read its log").click()
    expect(ada.page.get_by_text("Exit code", exact=True)).to_be_visible()
    ada.page.get_by_role("link", name="Retry from here").click()
    expect(ada.page.get_by_role("heading", name="Is kept (1)")).to_be_visible()
    ada.page.get_by_role("button", name="Run 1 order again").click()
    expect(ada.page.get_by_text("attempt 2", exact=True)).to_be_visible(timeout=10_000)


def test_an_optional_orders_failure_is_a_warning_everywhere(ada):
    ada.submit(TOLERANT)
    ada.sees_state("Succeeded with warnings")
    expect(ada.page.get_by_text("with 1 warning")).to_be_visible()
    ada.page.goto("/jobs")
    expect(ada.page.get_by_text("1 warning", exact=True)).to_be_visible()


def test_faults_lead_to_their_lines_and_the_text_is_kept(ada):
    ada.submit(FAULTY)
    page = ada.page
    expect(page.get_by_role("heading", name="2 faults to mend")).to_be_visible()
    text = page.get_by_label("Job, as YAML or JSON")
    expect(text).to_have_value(FAULTY)
    page.get_by_role("link", name="Line 9").click()
    expect(text).to_be_focused()
    assert text.evaluate("text => text.value.slice(text.selectionStart, text.selectionEnd)") == "    colour: red"


def test_two_people_do_not_see_each_others_jobs(ada, visit):
    job = ada.submit(HELLO)
    other = visit().sign_up()
    for address in (job, f"{job}/orders/1", f"{job}/orders/1/log"):
        assert other.page.goto(address).status == 404
    expect(other.page.get_by_role("heading", name="Not found")).to_be_visible()


def test_a_job_is_submitted_and_watched_with_the_keyboard_alone(ada):
    page = ada.page
    page.goto("/jobs/new")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    text = page.get_by_label("Job, as YAML or JSON")
    tab_to(page, text)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(HELLO)
    tab_to(page, page.get_by_role("button", name="Submit"))
    page.keyboard.press("Enter")
    ada.sees_state("Succeeded")
    tab_to(page, page.locator("td").get_by_role("link", name="greet"))
    page.keyboard.press("Enter")
    expect(page.locator("#log")).to_have_text("Hello\n")


def tab_to(page, target):
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


def test_many_jobs_are_deleted_at_once(ada):
    for _ in range(2):
        ada.submit(HELLO)
        ada.sees_state("Succeeded")
    ada.page.goto("/jobs")
    for box in ada.page.get_by_role("checkbox").all():
        box.check()
    ada.page.get_by_role("button", name="Delete selected").click()
    ada.page.get_by_role("button", name="Delete for good").click()
    expect(ada.page.get_by_text("2 of 2 jobs done")).to_be_visible()


def test_ticked_boxes_stay_ticked_while_the_list_refreshes(ada):
    ada.submit(SLOW)
    ada.page.goto("/jobs")
    box = ada.page.get_by_role("checkbox", name="Select slow")
    box.check()
    with ada.page.expect_response("**/jobs"):
        pass
    ada.page.wait_for_timeout(200)
    expect(box).to_be_checked()


def test_signing_out_closes_every_page(ada):
    job = ada.submit(HELLO)
    ada.page.get_by_role("button", name="Sign out").click()
    ada.page.goto(job)
    expect(ada.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_all_of_it_works_without_scripts(visit):
    plain = visit(java_script_enabled=False).sign_up()
    plain.submit(FAULTY)
    expect(plain.page.get_by_role("heading", name="2 faults to mend")).to_be_visible()
    plain.page.get_by_role("link", name="Line 5").click()
    expect(plain.page.locator("#line-5")).to_be_in_viewport()
    plain.submit(HELLO.replace("echo Hello", "sleep 1; echo Hello"))
    plain.sees_state("Succeeded")
    plain.page.get_by_role("link", name="greet").last.click()
    expect(plain.page.locator("#log")).to_have_text("Hello\n")
