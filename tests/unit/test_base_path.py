"""Under the stage of an API Gateway every path begins with its name, and all that is answered must stay below it."""

import json
import re

import pytest

from tests.generating import Factory
from tests.pages import NAMESPACE, Browser, Page, signed_in

BASE = "/prod"
ADDRESSES = {"href", "src", "action", "formaction", "poster", "srcset"}
SCRIPTED = {"hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "hx-push-url", "hx-replace-url"}
PAGES_ENOUGH = 30
LINKS_OF_THE_FOLDER = "/files/"
"""Of the local object store alone, which no gateway stands before."""


class Mounted:
    """The application as a gateway mounts it: below BASE, and nowhere else."""

    def __init__(self, wsgi):
        self.wsgi = wsgi

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        assert (path + "/").startswith(BASE + "/"), f"{path} is outside of {BASE}"
        environ |= {"SCRIPT_NAME": BASE, "PATH_INFO": path.removeprefix(BASE) or "/"}
        return self.wsgi(environ, start_response)


@pytest.fixture
def ada(ports, people):
    Factory(ports, people.caller(people.owner)).make_it(num_records=3)
    people.owner.post("/api/jobs", {"orders": [{"cmds": ["true"], "timeout": 9}]})
    inside = signed_in(people, people.owner)
    inside.client.wsgi = Mounted(people.wsgi)
    return inside


@pytest.fixture
def nobody(people):
    return Browser(Mounted(people.wsgi))


def led_to(root):
    """Every address in a page that a browser would ask for, or go to."""
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ADDRESSES | SCRIPTED:
                yield value
            if name == "content" and (found := re.search(r"url=(\S+)", value)):
                yield found[1]


def is_outside(address):
    return address.startswith("/") and not (address + "/").startswith((BASE + "/", LINKS_OF_THE_FOLDER))


def crawl(browser, *starts):
    """(pages, redirects): all kinds that can be reached, one of each."""
    waiting, kinds, pages, redirects = list(starts), set(), [], []
    while waiting:
        address = waiting.pop(0).split("#")[0]
        kind = re.sub(r"[0-9A-Z]{20,}|system-\w+|\d+", "*", address.split("?")[0])
        if kind in kinds or not address.startswith(BASE):
            continue
        kinds.add(kind)
        reply = browser.client.get(address)
        if reply.status == 303:
            redirects.append(reply.header("Location"))
            waiting.append(reply.header("Location"))
        elif reply.header("Content-Type").startswith("text/html"):
            pages.append(Page(reply))
            waiting += [each.get("href") for each in pages[-1].all("a") if each.get("href")]
    return pages, redirects


def outside_of(pages):
    return sorted({each for page in pages for each in led_to(page.root) if is_outside(each)})


def test_no_page_and_no_redirect_leads_outside(ada):
    pages, redirects = crawl(ada, f"{BASE}/jobs", f"{BASE}/")
    assert outside_of(pages) == []
    assert [each for each in redirects if is_outside(each)] == []
    assert len(pages) >= PAGES_ENOUGH


def test_nothing_leads_those_outside_who_are_not_signed_in(nobody):
    pages, redirects = crawl(nobody, f"{BASE}/", f"{BASE}/jobs", f"{BASE}/nowhere")
    assert outside_of(pages) == []
    assert redirects == [f"{BASE}/login?next=%2Fjobs"]


def test_no_form_leads_outside_once_it_is_sent(ada):
    """Each as it stands, filled in or not; what ends the session comes last."""
    forms = {form.get("action"): page for page in crawl(ada, f"{BASE}/jobs")[0] for form in sent_whole(page)}
    for action in sorted(forms, key=lambda each: ("logout" in each, "delete" in each, each)):
        reply = ada.submit(forms[action], action.split("?")[0])
        assert not is_outside(reply.header("Location") or ""), action
        assert [line for line in reply.all("Set-Cookie") if f"Path={BASE}/;" not in line] == []
    assert len(forms) > 10


def sent_whole(page):
    return [each for each in page.all("form", method="post") if each.get("enctype") != "multipart/form-data"]


def test_signing_in_sets_cookies_for_the_base_alone(nobody):
    page = nobody.get(f"{BASE}/login?next=/costs")
    reply = nobody.submit(page, f"{BASE}/login", email="ada@engines.example", password="correct horse battery")
    assert reply.header("Location") == f"{BASE}/costs"
    assert [line for line in reply.all("Set-Cookie") if f"Path={BASE}/;" not in line] == []


def test_assets_are_found_below_the_base(nobody):
    root = nobody.get(f"{BASE}/").root
    found = [each.get("href") or each.get("src") for tag in ("link", "script") for each in root.iter(NAMESPACE + tag)]
    assert found
    assert {nobody.client.get(each).status for each in found if each} == {200}


def test_a_stylesheet_asks_for_nothing_by_an_absolute_path(nobody):
    [sheet] = [
        each.get("href")
        for each in nobody.get(f"{BASE}/").root.iter(f"{NAMESPACE}link")
        if each.get("rel") == "stylesheet"
    ]
    assert re.findall(r"url\(\s*['\"]?/", nobody.client.get(sheet).text) == []


def test_the_api_says_where_things_are_below_the_base(ada, people):
    api = people.owner
    api.wsgi = Mounted(people.wsgi)
    made = api.post(f"{BASE}/api/jobs", {"orders": [{"cmds": ["true"], "timeout": 9}]})
    assert made.header("Location").startswith(f"{BASE}/api/jobs/")
    assert f"<{BASE}/api/jobs?" in api.get(f"{BASE}/api/jobs?limit=1").header("Link")
    [server] = api.get(f"{BASE}/api/openapi.json").json["servers"]
    assert server == {"url": BASE}


def test_what_the_api_tells_has_no_address_outside(ada, people):
    api = people.owner
    api.wsgi = Mounted(people.wsgi)
    [job] = [each for each in api.get(f"{BASE}/api/jobs").json["items"] if each["kind"] == "generation"]
    text = json.dumps([api.get(f"{BASE}/api/jobs/{job['job_id']}{part}").json for part in ("", "/events", "/exports")])
    assert re.findall(r'"/(?:api|jobs)/[^"]*"', text) == []
