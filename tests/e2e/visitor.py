"""What a person does with the pages, by their words and labels only."""

import re
from pathlib import Path

from playwright.sync_api import expect

PASSWORD = "a long enough password"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


class Visitor:
    """`complaints` are what the browser's console reports against our pages."""

    def __init__(self, page, email):
        self.page = page
        self.email = email
        self.complaints = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if "Security Policy" in said.text else None)

    def sign_up(self):
        self.page.goto("/")
        self.page.get_by_role("link", name="Create an account").click()
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_label("Organisation").fill(f"Team {self.email.split('@')[0]}")
        self.page.get_by_role("button", name="Sign up").click()
        expect(self.page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
        return self

    def submit(self, text):
        """Fills the form and sends it; the address of the job if it was accepted."""
        self.page.goto("/jobs/new")
        self.page.get_by_label("Job, as YAML or JSON").fill(text)
        self.page.get_by_role("button", name="Submit").click()
        self.page.wait_for_load_state()
        return re.sub(r"^\w+://[^/]+", "", self.page.url)

    def sees_state(self, word):
        expect(self.page).to_have_title(re.compile(f"^{word}: "), timeout=15_000)

    def flaws(self):
        """What axe finds against the page as it stands."""
        self.page.evaluate(AXE.read_text() + ";0")
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]

    def sideways(self):
        """How far the page can be scrolled sideways."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
