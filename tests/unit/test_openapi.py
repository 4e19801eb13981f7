import json
import re
from pathlib import Path

import pytest
from jsonschema_rs import meta

from chalicelib.application import create_app
from chalicelib.openapi import document
from chalicelib.rest import Description

COMMITTED = json.loads((Path(__file__).resolve().parents[2] / "backend/openapi.json").read_text())
DRAFT = "https://json-schema.org/draft/2020-12/schema"
ROUTES = create_app().table
OPERATIONS = [(path, method) for path, methods in COMMITTED["paths"].items() for method in methods]


def test_the_committed_document_is_that_of_the_routes():
    assert json.loads(json.dumps(document(ROUTES))) == COMMITTED, "make openapi"


def test_every_route_of_the_api_is_described_but_the_page_that_shows_it():
    undescribed = {each.path for each in ROUTES if each.path.startswith("/api") and each.description is None}
    assert undescribed == {"/api/docs"}


def test_every_described_route_is_in_the_document():
    described = {(each.path, each.method.lower()) for each in ROUTES if isinstance(each.description, Description)}
    assert described == set(OPERATIONS)


def test_routes_are_private_but_for_these():
    public = {each.path for each in ROUTES if each.public and each.path.startswith("/api")}
    accounts = {"/api/signup", "/api/login", "/api/token/refresh", "/api/logout"}
    mailed = {"/api/password/forgot", "/api/password/reset", "/api/email/verify"}
    invitation = "/api/invitations/{token}"
    mailed |= {invitation, f"{invitation}/accept", f"{invitation}/decline"}
    posted = {"/api/webhook", "/api/webhook/{tenant_id}"}
    assert public == accounts | mailed | posted | {"/api/health", "/api/openapi.json", "/api/docs"}


@pytest.mark.parametrize("route", [each for each in ROUTES if not each.public], ids=lambda each: each.path)
def test_nobody_gets_through_a_private_route(people, route):
    path = re.sub(r"{\w+}", "x", route.path)
    reply = people.nobody.send(route.method, path)
    assert reply.status in ((401,) if path.startswith("/api") else (303, 403, 400, 415))


def test_the_document_is_served(people):
    assert people.nobody.get("/api/openapi.json").json == COMMITTED


def test_operations_have_names_of_their_own():
    names = [COMMITTED["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_schema_is_one():
    for schema in COMMITTED["components"]["schemas"].values():
        meta.validate({"$schema": DRAFT, **schema})


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_problem_has_a_description(path, method):
    answers = COMMITTED["paths"][path][method]["responses"]
    assert all(answer["description"] for answer in answers.values())


def test_the_page_describes_every_operation(people):
    page = people.nobody.get("/api/docs").text
    assert [path for path, _ in OPERATIONS if path not in page] == []


def test_every_type_of_problem_leads_to_its_description(people):
    page = people.nobody.get("/api/docs").text
    problem = people.nobody.get("/api/user").json
    assert f'id="{problem["type"].partition("#")[2]}"' in page


def test_every_link_of_the_page_within_itself_leads_somewhere(people):
    page = people.nobody.get("/api/docs").text
    assert set(re.findall(r'href="#([\w-]+)"', page)) <= set(re.findall(r'id="([\w-]+)"', page))
