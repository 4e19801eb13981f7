"""Working together: invite by a mailed link, accept, switch, look without touching; and what is one's own."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.homes import on_both_homes
from tests.e2e.visitor import PASSWORD
from tests.mails import link_in

JOB = "name: theirs\norders:\n  - {order_name: greet, cmds: [echo Hello], timeout: 20}\n"


@pytest.fixture
def link_for(product):
    """The address in the latest mail to somebody."""
    return lambda email: link_in(product.letters(email)[-1])


@pytest.fixture
def invited(ada, visit, link_for):
    """Somebody whom ada has invited, not in yet, with the link that was mailed."""

    def invite(role="Viewer", visitor=None):
        guest = visitor or visit()
        ada.page.goto("/members")
        ada.page.get_by_label("E-mail address").fill(guest.email)
        ada.page.get_by_role("region", name="Invite somebody").get_by_label("Role").select_option(role.lower())
        ada.page.get_by_role("button", name="Send the invitation").click()
        expect(ada.page.get_by_text("The invitation is mailed.")).to_be_visible()
        return guest, link_for(guest.email)

    return invite


def accept(guest, link):
    guest.page.goto(link)
    guest.page.get_by_label("Choose a password").fill(PASSWORD)
    guest.page.get_by_role("button", name="Accept").click()
    expect(guest.page.get_by_text("you have joined")).to_be_visible()
    return guest


@on_both_homes
def test_an_invitation_makes_a_member(ada, invited):
    guest = accept(*invited())
    expect(guest.page.get_by_text(guest.email)).to_be_visible()
    ada.page.goto("/members")
    expect(ada.page.get_by_role("row", name=re.compile(f"{guest.email}.*Accepted"))).to_be_visible()


def test_a_viewer_looks_and_has_nothing_to_submit_with(ada, invited):
    ada.submit(JOB)
    ada.sees_state("Succeeded")
    viewer = accept(*invited())
    viewer.page.get_by_role("link", name="theirs").click()
    viewer.sees_state("Succeeded")
    for name in ("New job", "Retry", "Clone", "Delete"):
        expect(viewer.page.get_by_text(name, exact=True)).to_have_count(0)
    assert viewer.page.goto("/jobs/new").status == 403


def test_somebody_with_an_account_accepts_and_switches(ada, visit, invited):
    grace = visit().sign_up()
    _, link = invited("Operator", grace)
    grace.page.goto(link)
    grace.page.get_by_role("button", name="Accept").click()
    organisation = f"Team {ada.email.split('@')[0]}"
    expect(grace.page.locator("main").get_by_text(organisation)).to_be_visible()
    grace.page.locator("summary", has_text=organisation).click()
    grace.page.get_by_role("button", name=f"Team {grace.email.split('@')[0]}").click()
    expect(grace.page.locator("main").get_by_text(f"Team {grace.email.split('@')[0]}")).to_be_visible()


def test_declining_by_the_mailed_link(ada, invited):
    guest, link = invited()
    guest.page.goto(link)
    guest.page.get_by_role("button", name="Decline").click()
    expect(guest.page.get_by_text("You declined the invitation.")).to_be_visible()
    ada.page.goto("/members")
    expect(ada.page.get_by_role("row", name=re.compile(f"{guest.email}.*Declined"))).to_be_visible()


def test_a_removed_member_is_out(ada, invited):
    guest = accept(*invited("Operator"))
    ada.page.goto("/members")
    ada.page.get_by_role("button", name=f"Remove {guest.email}").click()
    expect(ada.page.get_by_text("The member is removed")).to_be_visible()
    guest.page.goto("/jobs")
    expect(guest.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_forgotten_password(ada, visit, link_for):
    visitor = visit()
    visitor.page.goto("/login")
    visitor.page.get_by_role("link", name="Forgotten your password?").click()
    visitor.page.get_by_label("E-mail address").fill(ada.email)
    visitor.page.get_by_role("button", name="Send the link").click()
    expect(visitor.page.get_by_text("Look into your mail")).to_be_visible()
    visitor.page.goto(link_for(ada.email))
    visitor.page.get_by_label("New password").fill("an even longer password")
    visitor.page.get_by_role("button", name="Set it").click()
    expect(visitor.page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_a_key_is_shown_once_and_works(ada, product, playwright):
    page = ada.page
    page.goto("/account")
    page.get_by_label("Name").fill("Nightly build")
    page.get_by_role("button", name="Make the key").click()
    key = page.get_by_label("API key").inner_text()
    api = playwright.request.new_context(base_url=product.url, extra_http_headers={"Authorization": f"Bearer {key}"})
    assert api.get("/api/user").json()["email"] == ada.email
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("cell", name="Nightly build", exact=True)).to_be_visible()
    expect(page.get_by_text(key)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1400, "height": 900}, {"width": 360, "height": 740}], ids=["wide", "phone"])
def test_pages_of_people(visit, link_for, scheme, size):
    viewer = visit(color_scheme=scheme, viewport=size).sign_up()
    viewer.page.goto("/members")
    viewer.page.get_by_label("E-mail address").fill(f"guest-of-{viewer.email}")
    viewer.page.get_by_role("button", name="Send the invitation").click()
    addresses = [
        "/account",
        "/members",
        "/password/forgot",
        link_for(viewer.email),
        link_for(f"guest-of-{viewer.email}"),
    ]
    found = []
    for address in addresses:
        viewer.page.goto(address)
        found += [(address, flaw) for flaw in viewer.flaws()] + ([(address, "sideways")] if viewer.sideways() else [])
    assert found == []
