"""A browser without scripts. Every page that it fetches is checked: status, title, valid HTML, nothing left over."""

import re
from urllib.parse import urlencode

import html5lib

from chalicelib.accounts import operations
from chalicelib.identity import User
from frontend import session
from tests.client import Client
from tests.people import ORIGIN

TYPED = {"textarea", "pre", "code", "option"}
"""What people wrote stands in these, and may look like a template."""
LEFT_OVER = re.compile(r"\{\{|\}\}|\{%|\bNone\b|\bUndefined\b|datetime\.|<\w+ object at ")
NAMESPACE = "{http://www.w3.org/1999/xhtml}"


class Page:
    """A page that was found to be in order."""

    def __init__(self, reply):
        assert reply.header("Content-Type") == "text/html; charset=utf-8"
        assert "default-src 'none'" in reply.header("Content-Security-Policy")
        self.reply = reply
        self.html = reply.text
        self.root = html5lib.HTMLParser(strict=True).parse(self.html)
        self.title = self.root.findtext(f".//{NAMESPACE}title")
        assert self.title.endswith(" · Millrace")
        assert not LEFT_OVER.findall(ours(self.root))

    @property
    def words(self):
        """All that can be read, with single spaces."""
        return " ".join(" ".join(self.root.itertext()).split())

    def all(self, tag, **attributes):
        found = self.root.iter(NAMESPACE + tag)
        return [each for each in found if all(each.get(name.strip("_")) == value for name, value in attributes.items())]

    def form(self, action):
        """The form that posts to an address, query left out."""
        return next(each for each in self.all("form") if each.get("action").split("?")[0] == action)


def ours(element):
    """All text and attributes but what people typed."""
    if element.tag.removeprefix(NAMESPACE) in TYPED:
        return element.tail or ""
    own = " ".join([*element.attrib.values(), element.text or ""])
    return " ".join([own, *map(ours, element), element.tail or ""])


class Browser:
    def __init__(self, wsgi, token=""):
        self.client = Client(wsgi, headers={"Accept": "text/html"})
        if token:
            self.client.cookies[session.SESSION_COOKIE] = token

    def get(self, path, status=200, **headers):
        reply = self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert reply.status == status, reply.text
        return Page(reply)

    def leads_to(self, path):
        """Where a redirect goes."""
        reply = self.client.get(path)
        assert reply.status == 303, reply.text
        return reply.header("Location")

    def submit(self, page, action, /, **fields):
        """The reply to a form of the page; fields that are not given keep their values."""
        form = page.form(action)
        inputs = [each for tag in ("input", "textarea") for each in form.iter(NAMESPACE + tag)]
        kept = {each.get("name"): value_of(each) for each in inputs if each.get("type") not in ("checkbox", "file")}
        return self.post(form.get("action"), **{**kept, **fields})

    def post(self, path, /, **fields):
        """What a form sends, whoever made it."""
        body = urlencode(fields, doseq=True).encode()
        reply = self.client.post(path, body=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        return reply if reply.status == 303 else Page(reply).reply

    def follow(self, reply):
        assert reply.status == 303, reply.text
        return self.get(reply.header("Location"))


def value_of(field):
    return field.get("value", "") if field.tag == f"{NAMESPACE}input" else (field.text or "").removeprefix("\n")


def signed_in(people, persona):
    """A browser that the persona signed in with."""
    caller = people.caller(persona)
    cookie = operations.open_pages(people.ports, User(caller.user_id, caller.email), ORIGIN)
    return Browser(people.wsgi, cookie)
