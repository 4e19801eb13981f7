from frontend.visit import policy
from tests import make
from tests.client import client


def directives(text):
    return dict(each.strip().split(" ", 1) for each in text.split(";"))


def test_pages_send_to_nobody_but_their_own_home():
    sent = client(make.ports()).get("/login").header("Content-Security-Policy")
    assert directives(sent)["connect-src"] == "'self'"


def test_scripts_also_reach_the_origin_that_takes_uploads_and_no_other():
    found = directives(policy("https://bucket.s3.eu-west-1.amazonaws.com"))
    assert found["connect-src"] == "'self' https://bucket.s3.eu-west-1.amazonaws.com"
    assert {**found, "connect-src": ""} == {**directives(policy("")), "connect-src": ""}


def test_forms_go_to_their_own_home_alone():
    assert directives(policy("https://bucket.example"))["form-action"] == "'self'"
